// Runs upstream's rule files and rule unit tests: each must get upstream's verdict, and a bad one for upstream's reason.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import * as path from 'node:path'
import { parseExpression } from '../../core/promql/expression.ts'
import { lintRules } from '../../core/rules/lint/lint.ts'
import { faultText, readRuleFile } from '../../core/rules/rule-file.ts'
import { runUnitTests } from '../../core/rules/unit-test/run-test.ts'
import { type Expected, expectedOf } from './rule-verdicts.ts'

type Report = { readonly passed: number; readonly failed: readonly string[]; readonly skipped: readonly string[] }
type Judged = {
  readonly faults: readonly string[]
  readonly lints: readonly string[]
  readonly skipped: readonly string[]
}

/** `file`: the path that its rule files are beside. */
export function runRuleFile(name: string, text: string, file: string): Report {
  const folder = path.dirname(file)
  const tests = /^(?:tests|rule_files|evaluation_interval|fuzzy_compare):/m.test(text)
  const failed: string[] = []
  const skipped = new Set<string>()
  let passed = 0
  for (const expected of expectedOf(name)) {
    const judged = tests ? judgeTests(name, text, folder, expected) : judgeRules(name, text, expected)
    for (const one of judged.skipped) skipped.add(one)
    const fault = unmet(expected, judged)
    if (fault === null) passed++
    else failed.push(`${name}${expected.only === undefined ? '' : ` (only ${expected.only.source})`}: ${fault}`)
  }
  return { passed, failed, skipped: [...skipped] }
}

function unmet({ verdict, reason, lint }: Expected, { faults, lints }: Judged): string | null {
  if (verdict === 'good' && faults.length > 0) return `refused: ${faults.join('; ')}`
  if (verdict === 'bad' && faults.length === 0) return 'taken, and must be refused'
  if (reason !== undefined && !faults.some((one) => reason.test(one))) {
    return `refused for another reason than ${reason}: ${faults.join('; ')}`
  }
  if (lint !== undefined && !lints.includes(lint)) return `no lint ${lint}, but [${lints.join(', ')}]`
  return null
}

function judgeRules(name: string, text: string, { ignoreUnknown = false }: Expected): Judged {
  const read = readRuleFile(name, text, parseExpression, { ignoreUnknown })
  return { faults: read.faults.map(faultText), lints: lintRules(read).map(({ name: lint }) => lint), skipped: [] }
}

function judgeTests(name: string, text: string, folder: string, { only, ignoreUnknown = false }: Expected): Judged {
  const { failures, skipped } = runUnitTests(name, text, {
    ruleFiles: (pattern) => ruleFilesIn(folder, pattern),
    only: only ?? null,
    ignoreUnknown,
  })
  return {
    faults: failures.map(({ subject }) => subject),
    lints: [],
    skipped: skipped.map(({ test, subject, reason }) => `${name}: ${test}: ${subject} (${reason})`),
  }
}

/** The given data names its rule files plainly, or with `*` in the last part. */
function ruleFilesIn(folder: string, pattern: string): readonly { readonly file: string; readonly text: string }[] {
  const full = path.resolve(folder, pattern)
  const read = (file: string) => ({ file, text: readFileSync(file, 'utf8') })
  if (existsSync(full)) return [read(full)]
  const source = path
    .basename(full)
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
  const within = path.dirname(full)
  if (!existsSync(within)) return []
  return readdirSync(within)
    .filter((one) => new RegExp(`^${source}$`).test(one))
    .map((one) => read(path.join(within, one)))
}
