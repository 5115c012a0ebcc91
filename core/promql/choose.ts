// Aggregations that choose among the series themselves: topk, bottomk, limitk, limit_ratio.

import { type Aggregation, unwrap } from './ast.ts'
import { executionError } from './errors.ts'
import type { Evaluation } from './evaluation.ts'
import { type Group, groupsOf } from './groups.ts'
import { labelShare } from './label-hash.ts'
import { goShort } from './number-text.ts'
import { anyPresent, type StepSeries, type Vector } from './vector.ts'

export const choosers: ReadonlySet<string> = new Set(['topk', 'bottomk', 'limitk', 'limit_ratio'])

/** Places of the chosen among `present`, best first. */
type Choice = (present: readonly number[], value: (index: number) => number, parameter: number) => readonly number[]

export function choose(
  evaluation: Evaluation,
  node: Aggregation,
  vector: Vector,
  parameter: Float64Array,
  steps: number,
): Vector {
  if (!parameterAllows(evaluation, node, parameter)) return []
  const groups = groupsOf(node, vector)
  return groups.flatMap((group) => chosenOf(group, choiceOf(node.op, group), parameter, steps)).filter(anyPresent)
}

/** False where nothing can be chosen at any step; throws where the parameter is no number to choose by. */
function parameterAllows({ options }: Evaluation, node: Aggregation, parameter: Float64Array): boolean {
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  let nan = false
  for (const value of parameter) {
    if (Number.isNaN(value)) nan = true
    least = Math.min(least, value)
    most = Math.max(most, value)
  }
  if (node.op === 'limit_ratio') {
    if (nan) throw executionError('Ratio value is NaN')
    const start = unwrap(node.parameter!).span.start
    if (most > 1) options.notes.ratio(most, 1, start)
    if (least < -1) options.notes.ratio(least, -1, start)
    return least !== 0 || most !== 0
  }
  if (nan) throw executionError('Parameter value is NaN')
  if (most < 1) return false
  if (least <= -(2 ** 63)) throw executionError(`Scalar value ${goShort(least)} underflows int64`)
  if (most >= 2 ** 63) throw executionError(`Scalar value ${goShort(most)} overflows int64`)
  return true
}

function choiceOf(op: string, { members }: Group): Choice {
  if (op === 'limitk') return (present, _value, k) => present.slice(0, Math.max(0, Math.trunc(k)))
  if (op === 'limit_ratio') {
    const offsets = members.map((member) => labelShare(member.labels))
    return (present, _value, ratio) => {
      const r = Math.max(-1, Math.min(1, ratio))
      return present.filter((index) => (r >= 0 ? offsets[index]! < r : offsets[index]! >= 1 + r))
    }
  }
  return rankedChoice(op === 'topk')
}

/** A heap with the weakest on top, as upstream keeps one: it decides which of several equal values stay, and in which order they come. */
export function rankedChoice(top: boolean): Choice {
  return (present, value, k) => {
    if (k < 1) return []
    /** NaN is weaker than any number. */
    const weaker = (a: number, b: number): boolean =>
      Number.isNaN(value(a)) || (top ? value(a) < value(b) : value(a) > value(b))
    const size = Math.min(Math.trunc(k), present.length)
    const heap: number[] = []
    for (const index of present) {
      if (heap.length < size) {
        heap.push(index)
        siftUp(heap, weaker)
      } else if (weaker(heap[0]!, index) && !Number.isNaN(value(index))) {
        heap[0] = index
        siftDown(heap, weaker)
      }
    }
    return heap.sort((a, b) => {
      if (Number.isNaN(value(a)) && Number.isNaN(value(b))) return 0
      return weaker(b, a) ? -1 : weaker(a, b) ? 1 : 0
    })
  }
}

type Weaker = (a: number, b: number) => boolean

function swap(heap: number[], a: number, b: number): void {
  const kept = heap[a]!
  heap[a] = heap[b]!
  heap[b] = kept
}

function siftUp(heap: number[], weaker: Weaker): void {
  for (let at = heap.length - 1; at > 0; ) {
    const parent = (at - 1) >> 1
    if (!weaker(heap[at]!, heap[parent]!)) return
    swap(heap, at, parent)
    at = parent
  }
}

function siftDown(heap: number[], weaker: Weaker): void {
  for (let at = 0; ; ) {
    const left = 2 * at + 1
    if (left >= heap.length) return
    const child = left + 1 < heap.length && weaker(heap[left + 1]!, heap[left]!) ? left + 1 : left
    if (!weaker(heap[child]!, heap[at]!)) return
    swap(heap, at, child)
    at = child
  }
}

function chosenOf({ members }: Group, choice: Choice, parameter: Float64Array, steps: number): StepSeries[] {
  const chosen = members.map((member) => ({ ...member, present: new Uint8Array(steps) }))
  for (let step = 0; step < steps; step++) {
    const present = members.flatMap((member, index) => (member.present[step] === 1 ? [index] : []))
    const best = choice(present, (index) => members[index]!.values[step]!, parameter[step]!)
    for (const index of best) chosen[index]!.present[step] = 1
    // An instant answer comes in order of rank.
    if (steps === 1) return best.map((index) => chosen[index]!)
  }
  return chosen
}
