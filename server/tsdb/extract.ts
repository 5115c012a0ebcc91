// Cuts out of a store what one query reads, in turns of a few milliseconds, so that whoever shares the thread is never held up for longer. Series
// may come and go between two turns: a selection is then asked again and goes on behind the last series taken.

import { walk } from '../../core/promql/ast.ts'
import { resolve } from '../../core/promql/durations.ts'
import { executionError } from '../../core/promql/errors.ts'
import { parseQuery } from '../../core/promql/parser.ts'
import { type Extract, labelPacker, selectionKey } from '../../core/series/column-querier.ts'
import type { Matcher, Querier, Window } from '../../core/series/seam.ts'
import { type Reach, selectorReach } from './reach.ts'

export type Selection = Reach & {
  readonly key: string
  readonly matchers: readonly Matcher[]
  /** Resolved already, when the store had this generation. */
  readonly found?: { readonly refs: Uint32Array; readonly generation: number }
}

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
  /** Gives others a turn where it is time to. */
  readonly pause: () => Promise<void>
  readonly maxSamples: number
  /** True once nobody waits for the answer. */
  readonly aborted: () => boolean
}
/** Series between two looks at the time. */
const stride = 16

export async function extract(querier: Querier, selections: readonly Selection[], deps: ExtractDeps): Promise<Extract> {
  const columns = growing()
  const offsets: number[] = [0]
  const labels = labelPacker()
  const out: { key: string; refs: Uint32Array }[] = []
  let window: Window = { times: new Float64Array(512), values: new Float64Array(512), stale: new Uint8Array(512) }

  for (const { key, matchers, from, to, found } of selections) {
    let generation = querier.generation
    let refs = found?.generation === generation ? found.refs : querier.select(matchers)
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
        // Those of one selection are sampled alike: room for all of them at once saves copying.
        if (taken.length === 0) columns.reserve(Math.min(deps.maxSamples, count * refs.length))
        columns.push(window, count)
        taken.push(labels.add(querier.labels(ref)))
        offsets.push(columns.length)
      }
      if (at % stride !== stride - 1) continue
      await deps.pause()
      if (deps.aborted()) throw executionError('query timed out in expression evaluation')
      if (querier.generation === generation) continue
      generation = querier.generation
      refs = querier.select(matchers).sort()
      at = refs.findIndex((one) => one > ref) - 1
      if (at < -1) break
    }
    out.push({ key, refs: Uint32Array.from(taken) })
  }
  return { selections: out, labels: labels.done(), offsets: Float64Array.from(offsets), ...columns.done() }
}

function growing() {
  let times = new Float64Array(4096)
  let values = new Float64Array(4096)
  let stale = new Uint8Array(4096)
  let length = 0
  const grow = (room: number): void => {
    const larger = { times: new Float64Array(room), values: new Float64Array(room), stale: new Uint8Array(room) }
    larger.times.set(times.subarray(0, length))
    larger.values.set(values.subarray(0, length))
    larger.stale.set(stale.subarray(0, length))
    ;({ times, values, stale } = larger)
  }
  return {
    get length() {
      return length
    },
    push(window: Window, count: number): void {
      if (length + count > times.length) grow(Math.max(times.length * 2, length + count))
      times.set(window.times.subarray(0, count), length)
      values.set(window.values.subarray(0, count), length)
      stale.set(window.stale.subarray(0, count), length)
      length += count
    },
    /** Room for so many more. */
    reserve(count: number): void {
      if (length + count > times.length) grow(length + count)
    },
    /** Whole buffers go along: a copy would hold up everybody for as long as it takes. */
    done: () => ({
      times: times.subarray(0, length),
      values: values.subarray(0, length),
      stale: stale.subarray(0, length),
    }),
  }
}
