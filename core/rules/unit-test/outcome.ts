// What came of unit tests of rules: plain data for people and programs, with reasons. Words about why stand in both languages.

import type { LabelRecord } from '../labels.ts'
import type { Place } from '../yaml-reader.ts'

export type Words = { readonly en: string; readonly zh: string }

export type Failure = Place & {
  /** The file that `line` and `column` are in. */
  readonly file: string
  /** Empty where the file itself is at fault. */
  readonly test: string
  /** `load`: a file that is none; `series`: input that is none; `rule`: a rule that failed while it ran. */
  readonly kind: 'load' | 'series' | 'rule' | 'query' | 'alert'
  /** The expression, the alert's or the rule's name, or the fault. */
  readonly subject: string
  /** Moment of the check since the test's beginning, milliseconds; null where there is none. */
  readonly at: number | null
  readonly expected: readonly string[]
  readonly got: readonly string[]
  readonly why: readonly Words[]
}
export type Skip = Place & {
  readonly file: string
  readonly test: string
  readonly subject: string
  readonly reason: string
}

export type FileOutcome = {
  readonly file: string
  readonly tests: number
  /** Checks that hold. */
  readonly passed: number
  readonly failures: readonly Failure[]
  readonly skipped: readonly Skip[]
  readonly warnings: readonly string[]
}

const quoted = (text: string): string => JSON.stringify(text)
const plainName = /^[a-zA-Z_][a-zA-Z0-9_]*$/
const metric = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/

/** As PromQL writes a series. */
export function seriesText(labels: LabelRecord): string {
  const { __name__: name = '', ...rest } = labels
  const pairs = Object.entries(rest)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([label, value]) => `${plainName.test(label) ? label : quoted(label)}=${quoted(value)}`)
  if (name !== '' && !metric.test(name)) return `{${[quoted(name), ...pairs].join(', ')}}`
  return pairs.length === 0 && name !== '' ? name : `${name}{${pairs.join(', ')}}`
}
