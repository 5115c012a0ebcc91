// Cuts out of a store what one query reads, in turns of a few milliseconds, so that whoever shares the thread is never held up for longer. Series
// may come and go between two turns: a selection is then asked again and goes on behind the last series taken.

import { walk } from '../../core/promql/ast.ts'
import { resolve } from '../../core/promql/durations.ts'
import { executionError } from '../../core/promql/errors.ts'
import { parseQuery } from '../../core/promql/parser.ts'
import { type Extract, packLabels, selectionKey } from '../../core/series/column-querier.ts'
import type { Labels, Matcher, Querier, Window } from '../../core/series/seam.ts'
import { type Reach, selectorReach } from './reach.ts'

export type Selection = Reach & { readonly key: string; readonly matchers: readonly Matcher[] }

/** What a query selects, each selection once with the widest reach that any place of it has. Throws parse errors. */
export function selectionsOf(
  query: string,
  range: { readonly start: number; readonly end: number; readonly stepMs: number },
  lookbackMs: number,
): readonly Selection[] {
  const found = new Map<string, Selection>()
  walk(resolve(parseQuery(query), range), (node, parents) => {
    if (node.kind !== 'selector') return
    const reach = selectorReach([...parents, node], range, lookbackMs)
    // The reach allows for windows with values at their bounds, which no query here has: a range reads itself, a selector looks back only.
    const from = parents.at(-1)?.kind === 'matrix' ? reach.from + lookbackMs : reach.from
    const to = reach.to - lookbackMs
    const key = selectionKey(node.matchers)
    const known = found.get(key)
    found.set(key, {
      key,
      matchers: node.matchers,
      from: Math.min(from, known?.from ?? from),
      to: Math.max(to, known?.to ?? to),
    })
  })
  return [...found.values()]
}

export type ExtractDeps = {
  readonly monotonic: () => number
  /** Lets everybody else on this thread have a turn. */
  readonly yield: () => Promise<void>
  readonly turnMs: number
  readonly maxSamples: number
  /** True once nobody waits for the answer. */
  readonly aborted: () => boolean
}

export async function extract(querier: Querier, selections: readonly Selection[], deps: ExtractDeps): Promise<Extract> {
  const columns = growing()
  const offsets: number[] = [0]
  const labels: Labels[] = []
  const out: { key: string; refs: Uint32Array }[] = []
  let until = deps.monotonic() + deps.turnMs
  let window: Window = { times: new Float64Array(512), values: new Float64Array(512), stale: new Uint8Array(512) }

  for (const { key, matchers, from, to } of selections) {
    let refs = querier.select(matchers)
    let generation = querier.generation
    const taken: number[] = []
    for (let at = 0; at < refs.length; at++) {
      const ref = refs[at]!
      let count = querier.window(ref, from, to, window)
      if (count > window.times.length) {
        const length = 2 ** Math.ceil(Math.log2(count))
        window = { times: new Float64Array(length), values: new Float64Array(length), stale: new Uint8Array(length) }
        count = querier.window(ref, from, to, window)
      }
      if (count > 0) {
        if (columns.length + count > deps.maxSamples) {
          throw executionError('query processing would load too many samples into memory in query execution')
        }
        columns.push(window, count)
        taken.push(labels.length)
        labels.push(querier.labels(ref))
        offsets.push(columns.length)
      }
      if (deps.monotonic() < until) continue
      await deps.yield()
      if (deps.aborted()) throw executionError('query timed out in expression evaluation')
      until = deps.monotonic() + deps.turnMs
      if (querier.generation === generation) continue
      generation = querier.generation
      refs = querier.select(matchers).sort()
      at = refs.findIndex((one) => one > ref) - 1
      if (at < -1) break
    }
    out.push({ key, refs: Uint32Array.from(taken) })
  }
  return { selections: out, labels: packLabels(labels), offsets: Float64Array.from(offsets), ...columns.done() }
}

function growing() {
  let times = new Float64Array(4096)
  let values = new Float64Array(4096)
  let stale = new Uint8Array(4096)
  let length = 0
  return {
    get length() {
      return length
    },
    push(window: Window, count: number): void {
      if (length + count > times.length) {
        const room = Math.max(times.length * 2, length + count)
        const larger = { times: new Float64Array(room), values: new Float64Array(room), stale: new Uint8Array(room) }
        larger.times.set(times)
        larger.values.set(values)
        larger.stale.set(stale)
        ;({ times, values, stale } = larger)
      }
      times.set(window.times.subarray(0, count), length)
      values.set(window.values.subarray(0, count), length)
      stale.set(window.stale.subarray(0, count), length)
      length += count
    },
    done: () => ({ times: times.slice(0, length), values: values.slice(0, length), stale: stale.slice(0, length) }),
  }
}
