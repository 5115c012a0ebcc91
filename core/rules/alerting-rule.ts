// One step of an alerting rule: what was active, what the expression gave, the time; out comes what is active now and what changed on the
// way. Pure: time is an argument, and a step that fails leaves nothing behind. The life of an alert is Prometheus' (pending → firing → resolved).

import { InferwardError } from '../base/errors.ts'
import { fingerprint, type LabelRecord, labelKey, toRecord } from './labels.ts'
import type { VectorSample } from './query.ts'
import type { AlertingRule } from './rule.ts'
import type { TemplateScope } from './template.ts'
import type { AlertState } from './transition.ts'

export type ActiveAlert = {
  readonly fingerprint: string
  readonly labels: LabelRecord
  readonly annotations: LabelRecord
  readonly value: number
  readonly activeAt: number
  /** Kept from before a restart, and not seen in the data since. */
  readonly restored: boolean
} & (
  | { readonly state: 'pending' }
  | {
      readonly state: 'firing'
      readonly firedAt: number
      /** Since when only `keep_firing_for` holds it. */
      readonly keepFiringSince: number | null
      /** What its readers have heard last. */
      readonly told: { readonly at: number; readonly annotations: LabelRecord }
    }
)
/** By `labelKey`. */
export type ActiveAlerts = ReadonlyMap<string, ActiveAlert>

export type AlertChange =
  | { readonly kind: 'state'; readonly state: AlertState; readonly alert: ActiveAlert }
  | { readonly kind: 'text'; readonly alert: Extract<ActiveAlert, { state: 'firing' }> }
export type AlertStep = { readonly active: ActiveAlerts; readonly changes: readonly AlertChange[] }

/** What the expression gave for one alert, templates rendered. */
export type Candidate = Pick<ActiveAlert, 'labels' | 'annotations' | 'value'>

/** Changed annotations of a firing alert are told at most this often, as Prometheus sends an alert again: they often hold the value. */
const tellEveryMs = 60_000

/** `scope` is what templates may ask of the evaluation. Throws `rules.duplicate_labels` when two samples become the same alert. */
export function candidates(
  rule: AlertingRule,
  samples: readonly VectorSample[],
  externalLabels: LabelRecord,
  scope: TemplateScope = {},
): ReadonlyMap<string, Candidate> {
  const found = new Map<string, Candidate>()
  for (const sample of samples) {
    const labels = toRecord(sample.labels)
    const data = { ...scope, labels: toRecord(sample.labels), value: sample.value, externalLabels }
    delete labels.__name__
    for (const name in rule.labelTemplates) {
      const text = rule.labelTemplates[name]!(data)
      if (text === '') delete labels[name]
      else labels[name] = text
    }
    labels.alertname = rule.name
    const annotations: Record<string, string> = {}
    for (const name in rule.annotationTemplates) annotations[name] = rule.annotationTemplates[name]!(data)
    const key = labelKey(labels)
    if (found.has(key)) {
      throw new InferwardError({
        code: 'rules.duplicate_labels',
        message: 'vector contains metrics with the same labelset after applying alert labels',
        hint: 'Keep a label in the rule that tells the series apart.',
      })
    }
    found.set(key, { labels, annotations, value: sample.value })
  }
  return found
}

/** What a blind rule that fires on missing data says: its alerts go on, and where it has none it gets one with the labels of the rule alone. */
export function standIn(
  rule: AlertingRule,
  active: ActiveAlerts,
  externalLabels: LabelRecord,
  scope: TemplateScope,
): ReadonlyMap<string, Candidate> {
  const kept = new Map<string, Candidate>()
  for (const [key, { labels, annotations, value }] of active) kept.set(key, { labels, annotations, value })
  for (const [key, own] of candidates(rule, [{ labels: [], value: Number.NaN }], externalLabels, scope)) {
    const annotations = { ...own.annotations, ...noDataWords }
    if (active.size === 0 || active.has(key)) kept.set(key, { ...own, annotations })
  }
  return kept
}

const noDataWords = {
  no_data: 'The data that this rule needs is missing.',
  no_data_zh: '缺少该规则所需的数据。',
}

/** `young`: the data does not reach back as far as the rule reads, as after a restart. What was kept from before is then not ended: of that,
 * an empty answer knows nothing. */
export function step(
  rule: AlertingRule,
  active: ActiveAlerts,
  found: ReadonlyMap<string, Candidate>,
  at: number,
  young: boolean,
): AlertStep {
  const next = new Map<string, ActiveAlert>()
  const changes: AlertChange[] = []
  for (const [key, alert] of active) {
    const candidate = found.get(key)
    const unknown = young && alert.restored ? alert : withoutCondition(rule, alert, at)
    const now = candidate === undefined ? unknown : confirmed(rule, alert, candidate, at)
    if (now === null) changes.push(ending(alert))
    else {
      next.set(key, now)
      const change = difference(alert, now)
      if (change !== null) changes.push(change)
    }
  }
  for (const [key, candidate] of found) {
    if (active.has(key)) continue
    const fresh = { fingerprint: fingerprint(candidate.labels), ...candidate, activeAt: at, restored: false }
    const alert: ActiveAlert = rule.forMs <= 0 ? fired(fresh, at) : { ...fresh, state: 'pending' }
    next.set(key, alert)
    changes.push({ kind: 'state', state: alert.state, alert })
  }
  return { active: next, changes }
}

/** Ends all of them, as when their rule is taken away. */
export function endAll(active: ActiveAlerts): readonly AlertChange[] {
  return [...active.values()].map(ending)
}

function ending(alert: ActiveAlert): AlertChange {
  return { kind: 'state', state: alert.state === 'firing' ? 'resolved' : 'inactive', alert }
}

/** The condition is gone; null when that ends the alert. */
function withoutCondition(rule: AlertingRule, alert: ActiveAlert, at: number): ActiveAlert | null {
  if (alert.state !== 'firing' || rule.keepFiringForMs <= 0) return null
  const since = alert.keepFiringSince ?? at
  return at - since < rule.keepFiringForMs ? { ...alert, keepFiringSince: since } : null
}

function confirmed(rule: AlertingRule, alert: ActiveAlert, candidate: Candidate, at: number): ActiveAlert {
  const { annotations, value } = candidate
  if (alert.state === 'pending') {
    const pending = { ...alert, annotations, value, restored: false }
    return at - alert.activeAt >= rule.forMs ? fired(pending, at) : pending
  }
  const tell = at - alert.told.at >= tellEveryMs && !sameTexts(alert.told.annotations, annotations)
  return {
    ...alert,
    annotations,
    value,
    restored: false,
    keepFiringSince: null,
    told: tell ? { at, annotations } : alert.told,
  }
}

function fired(alert: Omit<ActiveAlert, 'state'>, at: number): ActiveAlert {
  const { annotations } = alert
  return { ...alert, state: 'firing', firedAt: at, keepFiringSince: null, told: { at, annotations } }
}

function difference(before: ActiveAlert, now: ActiveAlert): AlertChange | null {
  if (before.state !== now.state) return { kind: 'state', state: now.state, alert: now }
  if (before.state === 'pending' || now.state === 'pending') return null
  const told = before.told === now.told && before.keepFiringSince === now.keepFiringSince
  return told ? null : { kind: 'text', alert: now }
}

function sameTexts(a: LabelRecord, b: LabelRecord): boolean {
  for (const name in b) if (a[name] !== b[name]) return false
  return Object.keys(a).length === Object.keys(b).length
}
