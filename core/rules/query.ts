// What rules need of a query language and of a store, as types: the rules stay pure, the store decides how it answers. Every answer for
// one instant comes from one consistent view of the data.

import type { AppendRefusal, Labels, Matcher } from '../series/seam.ts'

/** One selector of an expression, as far as a rule must know it. */
export type Selector = {
  readonly matchers: readonly Matcher[]
  /** True inside `absent()` and `absent_over_time()`: there, nothing is an answer. */
  readonly absent: boolean
  /** How far behind the evaluation the newest and the oldest wanted samples lie, milliseconds. */
  readonly fromMs: number
  readonly toMs: number
}

/** Which selectors an expression cannot do without, by index. `all` of nothing holds always. */
export type Needs =
  | { readonly kind: 'selector'; readonly selector: number }
  | { readonly kind: 'all' | 'any'; readonly of: readonly Needs[] }

export type Expression = {
  readonly text: string
  readonly selectors: readonly Selector[]
  /** Left out: every selector outside `absent()`. */
  readonly needs?: Needs
  /** How far back the ranges and subqueries of it reach, milliseconds; left out or 0: the newest samples are enough. */
  readonly reachMs?: number
}

/** Reads an expression; throws an InferwardError whose message says where and what. */
export type ParseExpression = (text: string) => Expression

export type VectorSample = { readonly labels: Labels; readonly value: number }

/** Result of an expression at one instant (milliseconds); a scalar comes as one sample without labels. Throws when it cannot. */
export type RuleQuery = (expr: string, time: number) => readonly VectorSample[]

/** Is there a matching series with a sample in (from, to] that did not end there? A series whose newest sample is a stale marker is gone. */
export type HasSeries = (matchers: readonly Matcher[], from: number, to: number) => boolean

/** Takes what rules record; answers why it did not, else null. `stale` ends a series. What was written is seen by the next query. */
export type RuleWriter = (labels: Labels, time: number, value: number, stale: boolean) => AppendRefusal | null
