// A store as it would be without the series of some hosts: for rules that are worked out elsewhere for those. Resolved selectors are kept while the
// store and the hosts stay the same. Invariant: what is left is untouched, numbers and order included.

import { hostLabel } from '../../core/rules/host-local.ts'
import type { BulkReader, Matcher, Querier } from '../../core/series/seam.ts'

/** Selectors that are kept resolved; past it all are resolved anew. */
const maxKept = 10_000

export type HeldHosts = {
  readonly hosts: ReadonlySet<string>
  /** Another number whenever the hosts are others. */
  readonly version: number
}

export function withoutHosts(source: Querier, held: HeldHosts): Querier {
  const { bulk } = source
  const kept = new Map<string, { stamp: number; version: number; refs: Uint32Array }>()

  const hostOf = (refs: Uint32Array): ((index: number) => string) => {
    if (bulk === undefined)
      return (index) => source.labels(refs[index]!).find(([name]) => name === hostLabel)?.[1] ?? ''
    const column = bulk.column(refs, hostLabel)
    return (index) => (column[index] === -1 ? '' : bulk.text(column[index]!))
  }
  const select = (matchers: readonly Matcher[]): Uint32Array => {
    const stamp = bulk?.stamp(matchers) ?? source.generation
    const key = JSON.stringify(matchers)
    const known = kept.get(key)
    if (known?.stamp === stamp && known.version === held.version) return known.refs
    const all = source.select(matchers)
    const host = hostOf(all)
    const refs = all.filter((_ref, index) => !held.hosts.has(host(index)))
    if (kept.size >= maxKept) kept.clear()
    kept.set(key, { stamp, version: held.version, refs })
    return refs
  }
  const names = (matchers: readonly Matcher[], wanted: string | null): readonly string[] => {
    const found = new Set<string>()
    for (const ref of select(matchers))
      for (const [name, value] of source.labels(ref))
        if (wanted === null) found.add(name)
        else if (name === wanted) found.add(value)
    return [...found].sort()
  }

  return {
    select,
    labels: (ref) => source.labels(ref),
    window: (ref, t0, t1, out) => source.window(ref, t0, t1, out),
    latest: (ref, t0, t1, out) => source.latest(ref, t0, t1, out),
    get generation() {
      return source.generation
    },
    labelNames: (matchers) => names(matchers, null),
    labelValues: (name, matchers) => names(matchers, name),
    get minTime() {
      return source.minTime
    },
    get maxTime() {
      return source.maxTime
    },
    // A reader of columns is given the series by `select`, and keeps what it was given by the stamp: whoever changes the hosts clears it.
    ...(bulk === undefined ? {} : { bulk: bulk satisfies BulkReader }),
  }
}
