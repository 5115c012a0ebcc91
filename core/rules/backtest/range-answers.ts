// Answers of an expression at every step of a stretch of time, from range queries. A range query fails as a whole where one moment of it does: it is cut in
// halves until the moments that fail stand alone.

import type { VectorSample } from '../query.ts'
import type { BacktestSource } from './source.ts'

export type RangeAnswers = {
  /** Throws what the moment failed with; none for a moment that was not asked. */
  at(time: number): readonly VectorSample[]
}

/** Moments of one stretch that are told apart; beyond, all that is left fails alike. */
const maxFailures = 20
const nothing: readonly VectorSample[] = []

export async function rangeAnswers(
  source: BacktestSource,
  expr: string,
  start: number,
  end: number,
  stepMs: number,
): Promise<RangeAnswers> {
  const samples = new Map<number, VectorSample[]>()
  const failed: { readonly start: number; readonly end: number; readonly error: unknown }[] = []
  const ask = async (from: number, steps: number): Promise<void> => {
    const to = from + (steps - 1) * stepMs
    try {
      for (const { labels, times, values } of await source.range(expr, from, to, stepMs)) {
        for (let i = 0; i < times.length; i++) {
          const sample = { labels, value: values[i]! }
          const held = samples.get(times[i]!)
          if (held === undefined) samples.set(times[i]!, [sample])
          else held.push(sample)
        }
      }
    } catch (error) {
      if (steps === 1 || failed.length >= maxFailures) failed.push({ start: from, end: to, error })
      else {
        const half = Math.floor(steps / 2)
        await ask(from, half)
        await ask(from + half * stepMs, steps - half)
      }
    }
  }
  await ask(start, Math.floor((end - start) / stepMs) + 1)
  return {
    at(time) {
      const fault = failed.find((one) => time >= one.start && time <= one.end)
      if (fault !== undefined) throw fault.error
      return samples.get(time) ?? nothing
    },
  }
}
