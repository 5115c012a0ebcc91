// Runs unit tests of rules: all groups at every step of the evaluation interval, alerts compared on the way, queries at the end. The verdicts are
// promtool's: exact values unless fuzzy, NaN equal to nothing, a failing rule ends its test. Source: Prometheus' documentation and behaviour.

import { parseExpression } from '../../promql/expression.ts'
import { openRuleGroup } from '../group.ts'
import type { RuleGroup } from '../rule.ts'
import { readRuleFile } from '../rule-file.ts'
import { checkAlerts } from './check-alerts.ts'
import { checkQuery } from './check-query.ts'
import type { TestContext, Verdict } from './context.ts'
import type { Failure, FileOutcome } from './outcome.ts'
import { readUnitTests, type UnitTest, type UnitTestFile } from './test-file.ts'
import { openWorld, SeriesFault, type World } from './world.ts'

export type RunOptions = {
  /** Rule files that a pattern of `rule_files` names, relative to the test file. */
  readonly ruleFiles: (pattern: string) => readonly { readonly file: string; readonly text: string }[]
  /** Names of tests to run; null: all. */
  readonly only: RegExp | null
  readonly ignoreUnknown?: boolean
}
const nothing: Verdict = { passed: 0, failures: [], skipped: [] }
const native = 'native histograms are not kept'

export function runUnitTests(file: string, text: string, options: RunOptions): FileOutcome {
  const read = readUnitTests(file, text)
  const outcome = { file, tests: 0, passed: 0, failures: [], skipped: [], warnings: [] }
  if (read.faults.length > 0) return { ...outcome, failures: read.faults.map((one) => loadFault(one, '')) }
  const warnings: string[] = []
  const files = read.ruleFiles.flatMap((pattern) => {
    const found = options.ruleFiles(pattern)
    if (found.length === 0) warnings.push(`no file matches ${pattern}`)
    return found
  })
  const rules = files.map((one) =>
    readRuleFile(one.file, one.text, parseExpression, { ignoreUnknown: options.ignoreUnknown ?? false }),
  )
  const faults = rules.flatMap((one) => one.faults)
  const groups = inOrder(
    rules.flatMap((one) => one.groups),
    read.groupOrder,
  )
  const tests = read.tests.filter(({ name, named }) => options.only === null || options.only.test(named ? name : ''))
  const verdicts = tests.map((test) =>
    faults.length > 0
      ? { ...nothing, failures: faults.map((one) => loadFault(one, test.name)) }
      : runTest(file, test, read, groups),
  )
  return {
    file,
    tests: tests.length,
    passed: verdicts.reduce((sum, one) => sum + one.passed, 0),
    failures: verdicts.flatMap((one) => one.failures),
    skipped: verdicts.flatMap((one) => one.skipped),
    warnings,
  }
}

function loadFault(fault: { file: string; line: number; column: number; message: string }, test: string): Failure {
  const { file, line, column, message } = fault
  return { file, line, column, test, kind: 'load', subject: message, at: null, expected: [], got: [], why: [] }
}

/** Groups that `group_eval_order` does not name come with the first. */
function inOrder(groups: readonly RuleGroup[], order: readonly string[]): readonly RuleGroup[] {
  const place = ({ name }: RuleGroup): number => Math.max(0, order.indexOf(name))
  return [...groups].sort((a, b) => place(a) - place(b))
}

function runTest(file: string, test: UnitTest, read: UnitTestFile, groups: readonly RuleGroup[]): Verdict {
  const unnamed = test.alerts.find(({ alertname }) => alertname === '')
  if (unnamed !== undefined) {
    const subject = 'an item of alert_rule_test has no alertname'
    return { ...nothing, failures: [loadFault({ file, ...unnamed.place, message: subject }, test.name)] }
  }
  let world: World
  try {
    world = openWorld(test, read.evaluationMs)
  } catch (error) {
    if (!(error instanceof SeriesFault)) throw error
    const what = { file, ...error.input.place, test: test.name, kind: 'series', subject: error.message } as const
    return { ...nothing, failures: [{ ...what, at: null, expected: [], got: [], why: [] }] }
  }
  for (const rule of groups.flatMap((group) => group.rules)) {
    if (!world.readsNative(rule.expression.text)) continue
    const skip = { file, ...test.place, test: test.name, subject: `rule ${rule.name}`, reason: native }
    return { ...nothing, skipped: [skip] }
  }
  const evaluators = groups.map(openRuleGroup)
  const { evaluationMs, fuzzy } = read
  return evaluate({ file, test, world, groups: evaluators, evaluationMs, fuzzy })
}

function evaluate(context: TestContext): Verdict {
  const { file, test, world, groups, evaluationMs } = context
  const verdicts: Verdict[] = []
  const longest = [...test.alerts, ...test.queries].reduce((most, { evalMs }) => Math.max(most, evalMs), 0)
  const waiting = [...test.alerts].sort((a, b) => a.evalMs - b.evalMs)
  for (let at = 0; at <= longest; at += evaluationMs) {
    world.fill(test.startMs + at)
    const failures = groups.flatMap((group) => {
      group.evaluate(test.startMs + at, world.deps)
      return group.states.flatMap(({ rule, lastError }): readonly Failure[] =>
        lastError === '' ? [] : [ruleFault(context, rule.name, at, lastError)],
      )
    })
    if (failures.length > 0) return merged([...verdicts, { ...nothing, failures }])
    while (waiting.length > 0 && waiting[0]!.evalMs < at + evaluationMs) {
      verdicts.push(checkAlerts(context, waiting.shift()!))
    }
  }
  for (const check of test.queries) {
    const skip = check.expected.some(({ histogram }) => histogram !== '') || readsNative(world, check.expr)
    if (!skip) verdicts.push(checkQuery(context, check))
    else {
      const what = { file, ...check.place, test: test.name, subject: check.expr, reason: native }
      verdicts.push({ ...nothing, skipped: [what] })
    }
  }
  return merged(verdicts)
}

function ruleFault({ file, test }: TestContext, name: string, at: number, words: string): Failure {
  const subject = `rule ${name}: ${words}`
  return { file, ...test.place, test: test.name, kind: 'rule', subject, at, expected: [], got: [], why: [] }
}

/** What cannot be read will say so when it is asked. */
function readsNative(world: World, expr: string): boolean {
  try {
    return world.readsNative(expr)
  } catch {
    return false
  }
}

function merged(verdicts: readonly Verdict[]): Verdict {
  return {
    passed: verdicts.reduce((sum, one) => sum + one.passed, 0),
    failures: verdicts.flatMap((one) => one.failures),
    skipped: verdicts.flatMap((one) => one.skipped),
  }
}
