// Which silences match a label set, however many there are: those with an equality are found by its value, the others are tried one by one. What
// was found for a label set is remembered until a silence is put or taken away.

import type { Matcher } from './matcher.ts'
import type { LabelSet } from './matcher-text.ts'

export type SilenceIndex = {
  /** Replaces what was under the id. */
  put(id: string, matchers: readonly Matcher[]): void
  remove(id: string): void
  /** Ids whose matchers all hold, in the order they were put. */
  matching(labels: LabelSet): readonly string[]
}

type Entry = {
  readonly id: string
  readonly matchers: readonly Matcher[]
  readonly order: number
  readonly bucket: Map<string, Entry>
}

export function openSilenceIndex(): SilenceIndex {
  const entries = new Map<string, Entry>()
  /** By name and value of an equality; the empty key holds those without. */
  const buckets = new Map<string, Map<string, Entry>>()
  /** Names that have buckets. */
  const names = new Map<string, number>()
  let order = 0
  let known = new WeakMap<LabelSet, readonly string[]>()

  const keyOf = (name: string, value: string): string => `${name.length}:${name}${value}`
  const bucketFor = (matchers: readonly Matcher[]): Map<string, Entry> => {
    const equal = matchers.find(({ op, value }) => op === '=' && value !== '')
    if (equal !== undefined) names.set(equal.name, (names.get(equal.name) ?? 0) + 1)
    const key = equal === undefined ? '' : keyOf(equal.name, equal.value)
    const bucket = buckets.get(key) ?? new Map<string, Entry>()
    buckets.set(key, bucket)
    return bucket
  }
  const remove = (id: string): void => {
    entries.get(id)?.bucket.delete(id)
    entries.delete(id)
    known = new WeakMap()
  }

  return {
    put(id, matchers) {
      remove(id)
      const entry = { id, matchers, order: order++, bucket: bucketFor(matchers) }
      entry.bucket.set(id, entry)
      entries.set(id, entry)
    },
    remove,
    matching(labels) {
      const found = known.get(labels)
      if (found !== undefined) return found
      const candidates = [...(buckets.get('')?.values() ?? [])]
      for (const name of names.keys()) {
        const value = Object.hasOwn(labels, name) ? labels[name]! : ''
        if (value !== '') candidates.push(...(buckets.get(keyOf(name, value))?.values() ?? []))
      }
      const ids = candidates
        .filter(({ matchers }) => matchers.every((one) => one.matches(labels)))
        .sort((a, b) => a.order - b.order)
        .map(({ id }) => id)
      known.set(labels, ids)
      return ids
    },
  }
}
