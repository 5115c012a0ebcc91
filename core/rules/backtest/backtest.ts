// What rules would have said over recorded history: every group at every time of its grid, in order, as it would have run. Answers come in pieces of some
// hundred steps, so that memory stays bounded. Alerts begin as none: what was pending before the first moment is not known.

import { InferwardError } from '../../base/errors.ts'
import { selectorText } from '../../promql/selector-text.ts'
import type { Matcher } from '../../series/seam.ts'
import { gridTime } from '../grid.ts'
import { type EvaluationDeps, type GroupEvaluator, openRuleGroup } from '../group.ts'
import type { LabelRecord } from '../labels.ts'
import type { Rule, RuleGroup } from '../rule.ts'
import { dependenceOf } from './dependence.ts'
import { type Overlay, openOverlay } from './overlay.ts'
import { type RangeAnswers, rangeAnswers } from './range-answers.ts'
import type { BacktestResult, BacktestSource } from './source.ts'
import { openTally } from './tally.ts'

export type BacktestOptions = {
  readonly groups: readonly RuleGroup[]
  /** Milliseconds; both are moments of evaluation where the grid has them. */
  readonly from: number
  readonly to: number
  readonly defaultIntervalMs: number
  readonly externalLabels: LabelRecord
  readonly source: BacktestSource
  /** From 0 to 1. */
  readonly progress?: (part: number) => void
  readonly aborted?: () => boolean
}

/** Steps of the quickest group in one piece. */
const stepsAtOnce = 500
/** Evaluations of single rules: by range queries, and moment by moment. */
export const maxEvaluations = 5_000_000
export const maxStepwise = 2_500_000
const maxEpisodes = 10_000
const lookbackMs = 300_000

type Lane = { readonly evaluator: GroupEvaluator; readonly intervalMs: number }
type Piece = {
  readonly answers: ReadonlyMap<string, RangeAnswers>
  readonly seen: ReadonlyMap<string, RangeAnswers>
  /** Last moment that it holds answers for. */
  readonly until: number
}

/** Throws `backtest.too_large` before it begins. */
export async function runBacktest(options: BacktestOptions): Promise<BacktestResult> {
  const { groups, from, to, source } = options
  const dependence = dependenceOf(groups)
  const lanes = groups.map((group) => ({
    evaluator: openRuleGroup(group),
    intervalMs: group.intervalMs ?? options.defaultIntervalMs,
  }))
  refuseTooMuch(lanes, to - from, dependence.stepwise)
  const rules = groups.flatMap((group) => group.rules)
  const stepwise = rules.filter((rule) => dependence.stepwise.has(rule.expression.text))
  const offsetMs = groups.reduce((most, { queryOffsetMs }) => Math.max(most, queryOffsetMs), 0)
  const overlay = stepwise.length === 0 ? null : openOverlay(source, stepwise, dependence, offsetMs)
  const tally = openTally(maxEpisodes)
  const quickest = lanes.reduce((least, { intervalMs }) => Math.min(least, intervalMs), Number.POSITIVE_INFINITY)
  const pieceMs = Number.isFinite(quickest) ? stepsAtOnce * quickest : to - from + 1
  const pieces = new Map<Lane, Piece>()
  for (let start = from; start <= to; start += pieceMs) {
    const end = Math.min(to, start + pieceMs - 1)
    await overlay?.fill(start, end)
    for (const lane of lanes) {
      if ((pieces.get(lane)?.until ?? start - 1) >= start) continue
      // A slow group has its steps of many such stretches answered at once.
      const stretches = Math.max(1, Math.floor((stepsAtOnce * lane.intervalMs) / pieceMs))
      const until = Math.min(to, start + stretches * pieceMs - 1)
      pieces.set(lane, await prepare(options, lane, start, until, dependence.stepwise))
    }
    for (const { lane, at } of moments(lanes, start, end)) {
      const deps = depsOf(options, lane, pieces.get(lane)!, overlay, at - lane.evaluator.group.queryOffsetMs)
      const { transitions } = lane.evaluator.evaluate(at, deps)
      tally.evaluated(lane.evaluator, lane.intervalMs, transitions)
    }
    options.progress?.(to === from ? 1 : Math.min(1, (end - from) / (to - from)))
    if (options.aborted?.())
      throw new InferwardError({ code: 'backtest.aborted', message: 'the backtest was given up' })
  }
  return tally.result(from, to)
}

function refuseTooMuch(lanes: readonly Lane[], spanMs: number, stepwise: ReadonlySet<string>): void {
  const counted = (rules: (rule: Rule) => boolean): number =>
    lanes.reduce(
      (sum, { evaluator, intervalMs }) =>
        sum + evaluator.group.rules.filter(rules).length * (Math.floor(spanMs / intervalMs) + 1),
      0,
    )
  const all = counted(() => true)
  const slow = counted((rule) => stepwise.has(rule.expression.text))
  const [count, limit, what] =
    slow > maxStepwise ? [slow, maxStepwise, ' of rules that read other rules'] : [all, maxEvaluations, '']
  if (count <= limit) return
  throw new InferwardError({
    code: 'backtest.too_large',
    message: `these are ${count} evaluations${what}, and at most ${limit} are made`,
    hint: 'Take a shorter time, fewer rules, or a longer interval of their groups.',
  })
}

async function prepare(
  { source }: BacktestOptions,
  { evaluator, intervalMs }: Lane,
  start: number,
  end: number,
  stepwise: ReadonlySet<string>,
): Promise<Piece> {
  const { group } = evaluator
  const answers = new Map<string, RangeAnswers>()
  const seen = new Map<string, RangeAnswers>()
  const first = firstTime(evaluator, intervalMs, start)
  if (first > end) return { answers, seen, until: end }
  const [from, to] = [first - group.queryOffsetMs, end - group.queryOffsetMs]
  for (const { kind, expression } of group.rules) {
    const { text, selectors } = expression
    // The overlay knows all that those read.
    if (stepwise.has(text)) continue
    if (!answers.has(text)) answers.set(text, await rangeAnswers(source, text, from, to, intervalMs))
    if (kind !== 'alerting') continue
    for (const { matchers, fromMs, toMs, absent } of selectors) {
      const key = keyOf(matchers, fromMs, toMs)
      if (absent || seen.has(key)) continue
      seen.set(key, await rangeAnswers(source, presence(matchers, fromMs, toMs), from, to, intervalMs))
    }
  }
  return { answers, seen, until: end }
}

/** Distances are from the moment that the expression is worked out for. */
const keyOf = (matchers: readonly Matcher[], fromMs: number, toMs: number): string =>
  JSON.stringify([matchers.map(({ name, op, value }) => [name, op, value]), fromMs, toMs])

/** Gives something where a series matches that has a sample so long ago. */
function presence(matchers: readonly Matcher[], fromMs: number, toMs: number): string {
  const selector = selectorText(matchers)
  const offset = toMs === 0 ? '' : ` offset ${toMs}ms`
  // A plain selector knows of series that ended; a range does not.
  if (fromMs - toMs === lookbackMs) return `group(${selector}${offset})`
  return `group(last_over_time(${selector}[${Math.max(1, fromMs - toMs)}ms]${offset}))`
}

function firstTime(evaluator: GroupEvaluator, intervalMs: number, start: number): number {
  return gridTime(start - 1, evaluator.group, intervalMs) + intervalMs
}

/** All groups' times in order; groups of one time in the order of the files. */
function* moments(lanes: readonly Lane[], start: number, end: number): Generator<{ lane: Lane; at: number }> {
  const next = lanes.map(({ evaluator, intervalMs }) => firstTime(evaluator, intervalMs, start))
  for (;;) {
    let least = -1
    for (let i = 0; i < next.length; i++) if (least < 0 || next[i]! < next[least]!) least = i
    if (least < 0 || next[least]! > end) return
    yield { lane: lanes[least]!, at: next[least]! }
    next[least]! += lanes[least]!.intervalMs
  }
}

function depsOf(
  options: BacktestOptions,
  { evaluator }: Lane,
  piece: Piece,
  overlay: Overlay | null,
  dataAt: number,
): EvaluationDeps {
  const { group } = evaluator
  return {
    externalLabels: options.externalLabels,
    write: overlay?.write ?? (() => null),
    query(text, time) {
      const prepared = piece.answers.get(text)
      if (prepared !== undefined) return prepared.at(time)
      if (overlay !== null && group.rules.some(({ expression }) => expression.text === text))
        return overlay.query(text, time)
      throw new InferwardError({ code: 'backtest.template_query', message: 'a backtest asks no queries of templates' })
    },
    has(matchers, from, to) {
      if (overlay?.has(matchers, from, to)) return true
      const answers = piece.seen.get(keyOf(matchers, dataAt - from, dataAt - to))
      return answers === undefined ? overlay === null : answers.at(dataAt).length > 0
    },
  }
}
