// Rules that agents work out for their own hosts: which of the rules in force those are, which hosts are held by an agent, and what the same
// rules give over the rest. While no host is held this costs nothing.

import { hostLocality } from '../../core/rules/host-local.ts'
import type { RuleQuery } from '../../core/rules/query.ts'
import type { Rule, RuleGroup } from '../../core/rules/rule.ts'
import type { RestoredAlert } from '../../core/rules/transition.ts'
import type { Querier } from '../../core/series/seam.ts'
import { type StandingRules, type StandingRulesDeps, standingRules } from './standing-rules.ts'
import type { LocalPick } from './store-client.ts'
import { type HeldHosts, withoutHosts } from './without-hosts.ts'

export type HostRules = Omit<StandingRules, 'clear'> & {
  /** Forgets all plans. */
  clear(): void
  /** Other rules are in force. */
  load(groups: readonly RuleGroup[]): void
  picks(): readonly LocalPick[]
  readonly local: ReadonlySet<Rule>
  hold(host: string): void
  show(host: string, alerts: readonly RestoredAlert[]): void
  shown(): Iterable<RestoredAlert>
  release(host: string): void
  /** What a rule with this query reads of a store. */
  view(query: string, source: Querier): Querier
  /** Answers that were worked out before an evaluation are void where the hosts are others by then. */
  guard<T extends { readonly query: RuleQuery }>(asking: Promise<T>): Promise<T>
}
export type HostRulesDeps = Omit<StandingRulesDeps, 'full' | 'elsewhere'> & {
  /** Works a query out over what `view` makes of the store. */
  readonly full: (query: string, time: number, view: (source: Querier) => Querier) => ReturnType<RuleQuery>
}

/** `all`: rules over all hosts. */
export function hostRules(all: StandingRules, deps: HostRulesDeps): HostRules {
  const hosts = new Set<string>()
  const away = new Map<string, readonly RestoredAlert[]>()
  let version = 0
  const held: HeldHosts = {
    hosts,
    get version() {
      return version
    },
  }
  const views = new WeakMap<Querier, Querier>()
  const viewOf = (source: Querier): Querier => {
    let made = views.get(source)
    if (made === undefined) {
      made = withoutHosts(source, held)
      views.set(source, made)
    }
    return made
  }
  const rest = standingRules({
    ...deps,
    head: viewOf(deps.head),
    source: (from, to) => viewOf(deps.source(from, to)),
    full: (query, time) => deps.full(query, time, viewOf),
  })
  let local: ReadonlySet<Rule> = new Set()
  let texts: ReadonlySet<string> = new Set()
  let picks: readonly LocalPick[] = []
  const isRestricted = (query: string): boolean => hosts.size > 0 && texts.has(query)
  const ruleOf = (query: string): StandingRules => (isRestricted(query) ? rest : all)
  const query: RuleQuery = (text, time) => ruleOf(text).query(text, time)
  const changed = (): void => {
    version++
    rest.clear()
  }

  return {
    query,
    has: all.has,
    planned: (text) => ruleOf(text).planned(text),
    allows: all.allows,
    async prepare(queries, time, pause) {
      for (const text of queries) await ruleOf(text).prepare([text], time, pause)
    },
    appended() {
      all.appended()
      rest.appended()
    },
    wrote(labels) {
      all.wrote(labels)
      rest.wrote(labels)
    },
    clear() {
      all.clear()
      rest.clear()
    },
    load(groups) {
      const found = hostLocality(groups).filter(({ reason }) => reason === null)
      local = new Set(found.map(({ rule }) => rule))
      texts = new Set(found.map(({ rule }) => rule.expression.text))
      picks = groups.flatMap((group) => {
        const own = found.filter((one) => one.group === group)
        const [rules, names] = [own.map(({ index }) => index), own.map(({ rule }) => rule.name)]
        return own.length === 0 ? [] : [{ file: group.file, group: group.name, rules, names }]
      })
      version++
    },
    picks: () => picks,
    get local() {
      return local
    },
    hold(host) {
      if (hosts.has(host)) return
      hosts.add(host)
      changed()
    },
    show(host, alerts) {
      if (hosts.has(host)) away.set(host, alerts)
    },
    *shown() {
      for (const alerts of away.values()) yield* alerts
    },
    release(host) {
      away.delete(host)
      if (hosts.delete(host)) changed()
    },
    view: (text, source) => (isRestricted(text) ? viewOf(source) : source),
    async guard(asking) {
      const then = version
      const asked = await asking
      return { ...asked, query: (text, time) => (version === then ? asked.query : query)(text, time) }
    },
    stats: () => {
      const [one, other] = [all.stats(), rest.stats()]
      return {
        planned: one.planned + other.planned,
        unplanned: one.unplanned + other.unplanned,
        checks: one.checks + other.checks,
        differences: one.differences + other.differences,
      }
    },
  }
}
