// What is left of every budget, read from the recorded series. Nothing is known of the part of a window in which nothing was recorded:
// `recordedRatio` says how much of it there is.

import { formatDuration, tryParseDuration } from '../../core/base/duration.ts'
import type { Slo } from './config.ts'
import { names, stepMs } from './rules.ts'
import { burns } from './windows.ts'

export type VectorSample = { readonly labels: Readonly<Record<string, string>>; readonly value: number }
/** An instant query of a vector at a time in milliseconds. */
export type AskVector = (query: string, time: number) => Promise<readonly VectorSample[]>

export type BudgetRow = {
  /** Values of the labels of `by`. */
  readonly labels: Readonly<Record<string, string>>
  readonly requests: number
  readonly badRequests: number
  /** Share of good requests; null without requests. */
  readonly goodRatio: number | null
  /** 1: untouched, 0: spent, below: overdrawn; null without requests. */
  readonly budgetLeftRatio: number | null
  /** How fast the budget goes, 1 being what the window allows, by length of the look back. */
  readonly burnRates: readonly { readonly windowMs: number; readonly rate: number }[]
  readonly recordedRatio: number
}
export type SloReport = {
  readonly name: string
  readonly description: string
  /** Percent. */
  readonly target: number
  readonly windowMs: number
  readonly by: readonly string[]
  /** The emptiest budget first. */
  readonly budgets: readonly BudgetRow[]
}

/** Throws what `ask` throws. */
export async function sloReport(slos: readonly Slo[], ask: AskVector, now: number): Promise<readonly SloReport[]> {
  const reports: SloReport[] = []
  for (const slo of slos) reports.push(await one(slo, ask, now))
  return reports
}

async function one(slo: Slo, ask: AskVector, now: number): Promise<SloReport> {
  const own = `{slo="${slo.name}"}`
  const window = `[${formatDuration(slo.window)}]`
  const key = ({ labels }: VectorSample): string => JSON.stringify(slo.by.map((label) => labels[label] ?? ''))
  const byKey = async (query: string) => new Map((await ask(query, now)).map((row) => [key(row), row]))
  const requests = await byKey(`sum_over_time(${names.requests}${own}${window})`)
  const bad = await byKey(`sum_over_time(${names.bad}${own}${window})`)
  const steps = await byKey(`count_over_time(${names.requests}${own}${window})`)
  const ratios = await ask(`${names.errorRatio}${own}`, now)
  const allowed = (100 - slo.target) / 100
  const windows = new Set(burns(slo.window).map(({ longMs }) => longMs))
  const rates = new Map<string, { windowMs: number; rate: number }[]>()
  for (const row of ratios) {
    const windowMs = tryParseDuration(row.labels.window ?? '')
    if (windowMs === undefined || !windows.has(windowMs)) continue
    const list = rates.get(key(row)) ?? []
    list.push({ windowMs, rate: row.value / allowed })
    rates.set(key(row), list)
  }
  const budgets = [...requests].map(([id, row]): BudgetRow => {
    const wrong = bad.get(id)?.value ?? 0
    const badRatio = row.value > 0 ? wrong / row.value : null
    return {
      labels: Object.fromEntries(slo.by.map((label) => [label, row.labels[label] ?? ''])),
      requests: row.value,
      badRequests: wrong,
      goodRatio: badRatio === null ? null : 1 - badRatio,
      budgetLeftRatio: badRatio === null ? null : 1 - badRatio / allowed,
      burnRates: (rates.get(id) ?? []).sort((a, b) => a.windowMs - b.windowMs),
      recordedRatio: Math.min(1, ((steps.get(id)?.value ?? 0) * stepMs) / slo.window),
    }
  })
  const { name, description, target, by } = slo
  const left = (row: BudgetRow): number => row.budgetLeftRatio ?? Number.POSITIVE_INFINITY
  return { name, description, target, windowMs: slo.window, by, budgets: budgets.sort((a, b) => left(a) - left(b)) }
}
