// What rules need of a query language and of a store, as types: the rules stay pure, the store decides how it answers. Every answer for
// one instant comes from one consistent view of the data.

import type { Labels, Matcher } from '../series/seam.ts'

/** One selector of an expression, as far as a rule must know it. */
export type Selector = {
  readonly matchers: readonly Matcher[]
  /** True inside `absent()` and `absent_over_time()`: there, nothing is an answer. */
  readonly absent: boolean
  /** How far behind the evaluation the newest and the oldest wanted samples lie, milliseconds. */
  readonly fromMs: number
  readonly toMs: number
}

export type Expression = {
  readonly text: string
  readonly selectors: readonly Selector[]
}

/** Reads an expression; throws an InferwardError whose message says where and what. */
export type ParseExpression = (text: string) => Expression

export type VectorSample = { readonly labels: Labels; readonly value: number }

/** Result of an expression at one instant (milliseconds); a scalar comes as one sample without labels. Throws when it cannot. */
export type RuleQuery = (expr: string, time: number) => readonly VectorSample[]

/** Is there any sample of a matching series in (from, to]? Stale markers do not count. */
export type HasSeries = (matchers: readonly Matcher[], from: number, to: number) => boolean

/** Takes what rules record. `stale` ends a series. */
export type RuleWriter = (labels: Labels, time: number, value: number, stale: boolean) => void
