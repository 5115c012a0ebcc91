// The rule files as they are shipped, and a run of one rule group over series in the notation of rule unit tests. Time is an argument.

import { readdirSync, readFileSync } from 'node:fs'
import * as path from 'node:path'
import { parseExpression } from '../../core/promql/expression.ts'
import { instantQuery } from '../../core/promql/query.ts'
import { parseSeries } from '../../core/promql/series-notation.ts'
import { openRuleGroup } from '../../core/rules/group.ts'
import type { AlertingRule, RuleGroup } from '../../core/rules/rule.ts'
import { readRuleFile } from '../../core/rules/rule-file.ts'
import type { Transition } from '../../core/rules/transition.ts'
import { openHead } from '../../core/series/head.ts'

export const alertsFolder = path.resolve(import.meta.dirname, '../../alerts')
export const files = [
  'default.yml',
  ...readdirSync(path.join(alertsFolder, 'presets'))
    .filter((name) => name.endsWith('.yml'))
    .sort()
    .map((name) => `presets/${name}`),
]

export const readPack = (file: string) =>
  readRuleFile(`alerts/${file}`, readFileSync(path.join(alertsFolder, file), 'utf8'), parseExpression)

export type PackRule = { readonly file: string; readonly group: RuleGroup; readonly rule: AlertingRule }

export const rules: readonly PackRule[] = files.flatMap((file) =>
  readPack(file).groups.flatMap((group) =>
    group.rules.flatMap((rule) => (rule.kind === 'alerting' ? [{ file, group, rule }] : [])),
  ),
)

export function ruleNamed(name: string): PackRule {
  const found = rules.find((one) => one.rule.name === name)
  if (found === undefined) throw new Error(`no rule ${name} in ${files.join(', ')}`)
  return found
}

const start = Date.UTC(2026, 0, 1)

export type Told = Pick<Transition, 'rule' | 'state' | 'labels' | 'annotations'> & { readonly seconds: number }

/** Evaluates one group over all the series, from their first sample (or from `fromSeconds`, as a server that was away) to their last, at the
 * group's own interval; all that its rules say. */
export function run(
  group: RuleGroup,
  series: readonly string[],
  stepSeconds: number,
  fromSeconds = 0,
): readonly Told[] {
  const scripts = series.map(parseSeries)
  const length = Math.max(...scripts.map((one) => one.samples.length))
  const head = openHead({ maxSeries: 200, retentionMs: Number.POSITIVE_INFINITY })
  const refs = scripts.map((one) => head.series(one.labels) as number)
  const evaluator = openRuleGroup(group)
  const intervalSeconds = (group.intervalMs ?? 15_000) / 1000
  const cell = { times: new Float64Array(1), values: new Float64Array(1), stale: new Uint8Array(1) }
  const told: Told[] = []
  let put = 0
  for (let seconds = fromSeconds; seconds <= (length - 1) * stepSeconds; seconds += intervalSeconds) {
    for (; put < length && put * stepSeconds <= seconds; put++) {
      for (const [index, script] of scripts.entries()) {
        const sample = script.samples[put]
        if (sample !== undefined)
          head.append(refs[index]!, start + put * stepSeconds * 1000, sample.value, sample.stale)
      }
    }
    const { transitions, failures } = evaluator.evaluate(start + seconds * 1000, {
      query: (expr, time) => {
        const result = instantQuery(head, expr, time)
        if (result.type !== 'vector') throw new Error(`a ${result.type}`)
        return result.samples
      },
      has: (matchers, from, to) =>
        [...head.select(matchers)].some((ref) => head.latest(ref, from, to, cell) === 1 && cell.stale[0] === 0),
      write: (labels, time, value, stale) => {
        const ref = head.series(labels)
        return typeof ref === 'string' ? ref : head.append(ref, time, value, stale)
      },
      externalLabels: {},
    })
    if (failures > 0)
      throw new Error(evaluator.states.map((state) => state.lastError).find((words) => words !== '') ?? 'failed')
    for (const { rule, state, labels, annotations } of transitions)
      told.push({ rule, state, labels, annotations, seconds })
  }
  return told
}
