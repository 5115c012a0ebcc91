// Aggregations that choose among the series themselves: topk, bottomk, limitk, limit_ratio.

import type { Labels } from '../series/seam.ts'
import { type Aggregation, unwrap } from './ast.ts'
import { executionError } from './errors.ts'
import type { Evaluation } from './evaluation.ts'
import { type Group, groupsOf } from './groups.ts'
import { goShort } from './number-text.ts'
import { anyPresent, keyOf, type StepSeries, type Vector } from './vector.ts'

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
    const offsets = members.map((member) => offsetOf(member.labels))
    return (present, _value, ratio) => {
      const r = Math.max(-1, Math.min(1, ratio))
      return present.filter((index) => (r >= 0 ? offsets[index]! < r : offsets[index]! >= 1 + r))
    }
  }
  const sign = op === 'topk' ? -1 : 1
  return (present, value, k) => {
    if (k < 1) return []
    // NaN comes last on either side, and equal values keep their order.
    const ranked = [...present].sort((a, b) => {
      const [x, y] = [value(a), value(b)]
      if (Number.isNaN(x) || Number.isNaN(y)) return Number(Number.isNaN(x)) - Number(Number.isNaN(y))
      return x === y ? 0 : (x < y ? -1 : 1) * sign
    })
    return ranked.slice(0, Math.trunc(k))
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

/** A number in [0, 1) that depends on the labels alone: FNV-1a, 32 bits, mixed so that near labels lie apart. */
function offsetOf(labels: Labels): number {
  let hash = 0x811c9dc5
  const key = keyOf(labels)
  for (let at = 0; at < key.length; at++) hash = Math.imul(hash ^ key.charCodeAt(at), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32
}
