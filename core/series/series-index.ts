// Which series there are, and which of them matchers mean: from every label a sorted list of the series that carry it. Invariant: a reference
// means one label set for as long as the series lives.

import type { Labels } from '../sample/sample.ts'
import { type LabelSets, openLabelSets } from './label-sets.ts'
import { matcherTest } from './matcher-test.ts'
import { Posting } from './posting.ts'
import type { BulkReader, Matcher, SeriesRef } from './seam.ts'

export type SeriesIndex = Pick<LabelSets, 'find' | 'add' | 'remove' | 'has' | 'labels' | 'size' | 'bound'> & {
  /** Sorted. */
  select(matchers: readonly Matcher[]): Uint32Array
  /** Names of labels in use. */
  names(): readonly string[]
  values(name: string): readonly string[]
  /** How many series carry this label with this value. */
  cardinality(name: string, value: string): number
  /** Changes whenever a series comes or goes. */
  readonly generation: number
} & Pick<BulkReader, 'stamp' | 'column' | 'text' | 'namesOf'> & { findText(text: string): number }

type Test = (value: string) => boolean

export function openSeriesIndex(): SeriesIndex {
  const sets = openLabelSets()
  const { symbols } = sets
  /** Postings by the numbers of name and value. */
  const byName = new Map<number, Map<number, Posting>>()
  let generation = 0

  const posting = (nameId: number, valueId: number): Posting => {
    let values = byName.get(nameId)
    if (values === undefined) {
      values = new Map()
      byName.set(nameId, values)
    }
    let found = values.get(valueId)
    if (found === undefined) {
      found = new Posting()
      values.set(valueId, found)
    }
    return found
  }

  const all = (): Posting => {
    const every = new Posting()
    for (let ref = 0; ref < sets.bound; ref++) if (sets.has(ref)) every.add(ref)
    return every
  }

  /** The fewest postings that hold every series the matchers can mean, and the matcher that each series in them satisfies; -1: none. */
  const candidates = (
    matchers: readonly Matcher[],
    tests: readonly Test[],
  ): { readonly postings: readonly Posting[]; readonly met: number } => {
    let best: readonly Posting[] | null = null
    let met = -1
    let fewest = Number.POSITIVE_INFINITY
    matchers.forEach((matcher, index) => {
      const test = tests[index]!
      // What an absent label satisfies narrows nothing.
      if (test('')) return
      const values = byName.get(symbols.find(matcher.name)) ?? new Map<number, Posting>()
      const named = matcher.op === '=' ? values.get(symbols.find(matcher.value)) : undefined
      const found =
        matcher.op === '='
          ? named === undefined
            ? []
            : [named]
          : [...values].flatMap(([id, one]) => (test(symbols.text(id)) ? [one] : []))
      const size = found.reduce((sum, one) => sum + one.length, 0)
      if (size >= fewest) return
      best = found
      met = index
      fewest = size
    })
    return { postings: best ?? [all()], met }
  }

  /** Asks each distinct value once. */
  const check = (matcher: Matcher, test: Test): ((ref: SeriesRef) => boolean) => {
    const nameId = symbols.find(matcher.name)
    if (nameId < 0) {
      const answer = test('')
      return () => answer
    }
    const answers = new Map<number, boolean>()
    return (ref) => {
      const id = sets.valueId(ref, nameId)
      let answer = answers.get(id)
      if (answer === undefined) {
        answer = test(id < 0 ? '' : symbols.text(id))
        answers.set(id, answer)
      }
      return answer
    }
  }

  return {
    find: sets.find,
    has: sets.has,
    labels: sets.labels,
    add(labels: Labels) {
      const ref = sets.add(labels)
      generation++
      sets.each(ref, (nameId, valueId) => {
        const found = posting(nameId, valueId)
        found.add(ref)
        found.stamp = generation
      })
      return ref
    },
    remove(ref) {
      if (!sets.has(ref)) return
      generation++
      sets.each(ref, (nameId, valueId) => {
        const values = byName.get(nameId)!
        const found = values.get(valueId)!
        found.remove(ref)
        found.stamp = generation
        if (found.length === 0) values.delete(valueId)
        if (values.size === 0) byName.delete(nameId)
      })
      sets.remove(ref)
    },
    select(matchers) {
      const tests = matchers.map(matcherTest)
      const { postings, met } = candidates(matchers, tests)
      const checks = matchers.flatMap((matcher, index) => (index === met ? [] : [check(matcher, tests[index]!)]))
      const out = new Uint32Array(postings.reduce((sum, one) => sum + one.length, 0))
      let count = 0
      for (const { data, length } of postings) {
        next: for (let i = 0; i < length; i++) {
          const ref = data[i]!
          for (let c = 0; c < checks.length; c++) if (!checks[c]!(ref)) continue next
          out[count++] = ref
        }
      }
      // Kept by whoever asked: no more room than is needed.
      const refs = count * 2 < out.length ? out.slice(0, count) : out.subarray(0, count)
      return postings.length < 2 ? refs : rising(refs, sets.bound)
    },
    stamp(matchers) {
      // A series that the matchers can mean has every one of these labels: while their lists stand still, so does the answer.
      let stamp = generation
      for (const { name, op, value } of matchers) {
        if (op !== '=' || value === '') continue
        const found = byName.get(symbols.find(name))?.get(symbols.find(value))
        if (found === undefined) return -1
        stamp = Math.min(stamp, found.stamp)
      }
      return stamp
    },
    column(refs, name) {
      const out = new Int32Array(refs.length).fill(-1)
      const nameId = symbols.find(name)
      if (nameId >= 0) for (let row = 0; row < refs.length; row++) out[row] = sets.valueId(refs[row]!, nameId)
      return out
    },
    text: symbols.text,
    findText: symbols.find,
    namesOf(refs) {
      const ids = new Set<number>()
      for (const ref of refs) sets.each(ref, (nameId) => ids.add(nameId))
      return new Set([...ids].map((id) => symbols.text(id)))
    },
    names: () => [...byName.keys()].map((id) => symbols.text(id)).sort(),
    values: (name) => [...(byName.get(symbols.find(name))?.keys() ?? [])].map((id) => symbols.text(id)).sort(),
    cardinality: (name, value) => byName.get(symbols.find(name))?.get(symbols.find(value))?.length ?? 0,
    get size() {
      return sets.size
    },
    get bound() {
      return sets.bound
    },
    get generation() {
      return generation
    },
  }
}

/** Sorted: many of few by marking them, which takes a tenth of the time. */
function rising(refs: Uint32Array, bound: number): Uint32Array {
  if (refs.length * 16 < bound) return refs.sort()
  const marks = new Uint8Array(bound)
  for (let i = 0; i < refs.length; i++) marks[refs[i]!] = 1
  let count = 0
  for (let ref = 0; ref < bound; ref++) if (marks[ref] === 1) refs[count++] = ref
  return refs
}
