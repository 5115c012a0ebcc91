// Which rules an agent may work out for its own host: those whose alerts are made of that host's samples alone, and which read nothing but what
// the agent itself has. Whatever is in doubt stays with the server, with its reason. Both sides ask this of the same texts.

import { localityOf } from '../promql/host-local.ts'
import { findMetric } from '../sample/metric-catalogue.ts'
import type { Matcher } from '../series/seam.ts'
import type { AlertingRule, Rule, RuleGroup } from './rule.ts'

/** What agents put on everything they send. */
export const hostLabel = 'host'
/** How far back a rule may read that agents work out; they keep samples a little longer. */
export const hostLocalReachMs = 15.5 * 60_000

export type HostLocality = {
  readonly group: RuleGroup
  readonly rule: Rule
  /** Place of the rule in its group. */
  readonly index: number
  /** Why it stays with the server; null: it is host-local. */
  readonly reason: string | null
}

/** Of every rule of all files in force together: which rules there are beside it decides as well. */
export function hostLocality(groups: readonly RuleGroup[], reachMs = hostLocalReachMs): readonly HostLocality[] {
  const rules = groups.flatMap((group) => group.rules.map((rule, index) => ({ group, rule, index })))
  const named = new Map<string, number>()
  for (const { rule } of rules) if (rule.kind === 'alerting') named.set(rule.name, (named.get(rule.name) ?? 0) + 1)
  const found = rules.map((one) => ({ ...one, reason: reasonOf(one.group, one.rule, named, reachMs) }))
  // An alert knows its rule by name, an answer its rule by the query's text: neither may belong to both sides.
  const keys = ({ group, rule }: (typeof found)[number]): readonly string[] => [
    `name ${JSON.stringify([group.file, group.name, rule.name])}`,
    `query ${rule.expression.text}`,
  ]
  const asked = rules.flatMap(({ rule }) => (rule.kind === 'alerting' && asksQueries(rule) ? textsOf(rule) : []))
  for (let changed = true; changed; ) {
    changed = false
    const central = new Set(found.filter((one) => one.reason !== null).flatMap(keys))
    for (const one of found) {
      if (one.reason !== null) continue
      if (keys(one).some((key) => central.has(key)))
        one.reason = 'a rule of the same name or query stays with the server'
      else if (asked.some((text) => text.includes(one.rule.expression.text)))
        one.reason = 'a template asks the same query'
      changed ||= one.reason !== null
    }
  }
  return found
}

function reasonOf(group: RuleGroup, rule: Rule, named: ReadonlyMap<string, number>, reachMs: number): string | null {
  if (rule.kind === 'recording') return 'what it records is read by others'
  if (group.limit > 0) return 'the limit of its group counts the alerts of all hosts'
  if (Object.hasOwn(rule.labels, hostLabel)) return `it sets the label "${hostLabel}"`
  // Of no host, and whether data is missing is asked of the fleet.
  if (rule.noData === 'fire') return 'it fires where data is missing'
  if (asksQueries(rule)) return 'a template of it asks queries'
  const locality = localityOf(rule.expression.text, hostLabel)
  if (!locality.local) return locality.reason
  if (locality.reachMs > reachMs) return `it reads ${Math.ceil(locality.reachMs / 60_000)} minutes back`
  for (const { matchers } of locality.selectors) {
    const name = valueUnder(matchers, '__name__')
    if (name === null) return 'a selector of it has no metric name'
    if (name === 'ALERTS' || name === 'ALERTS_FOR_STATE') {
      if (valueUnder(matchers, 'alertname') !== rule.name) return `${name} of other rules may be of the server`
      if (named.get(rule.name) !== 1) return `there is another rule "${rule.name}"`
    } else {
      const from = findMetric(name)?.from
      if (from !== 'agent' && from !== 'engine') return `${name} is not of the agents`
    }
  }
  return null
}

const valueUnder = (matchers: readonly Matcher[], label: string): string | null =>
  matchers.find(({ name, op, value }) => name === label && op === '=' && value !== '')?.value ?? null

const textsOf = ({ labels, annotations }: AlertingRule): readonly string[] => [
  ...Object.values(labels),
  ...Object.values(annotations),
]
/** An agent would answer for its host alone. The word anywhere in a template counts. */
const asksQueries = (rule: AlertingRule): boolean =>
  textsOf(rule).some((text) => text.includes('{{') && /\bquery\b/.test(text))
