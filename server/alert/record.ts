// A change of an alert as it is written down. Identities come from the content, so that the same change told twice is one row and one event.
// Texts are cut to what an event holds, and rid of what PostgreSQL cannot store.

import { createHash } from 'node:crypto'
import { eventId } from '../../core/event/event.ts'
import type { LabelRecord } from '../../core/rules/labels.ts'
import type { Amendment, Transition } from '../../core/rules/transition.ts'
import type { AlertRow, AlertWrite } from './alert-table-port.ts'

const maxName = 200
const maxText = 4000

type Identity = Pick<Transition, 'fingerprint' | 'file' | 'group' | 'rule'>

/** Time first, like any event id; the rest from the content instead of chance. */
function identity(time: number, ...parts: readonly string[]): string {
  const digest = createHash('sha256').update(parts.join('\0')).digest()
  return eventId(time, (bytes) => {
    bytes.set(digest.subarray(0, bytes.length))
    return bytes
  })
}

export function episodeId({ fingerprint, file, group, rule, activeAt }: Identity & { activeAt: number }): string {
  return identity(activeAt, 'episode', fingerprint, file, group, rule)
}

export function stepOf(transition: Transition): Extract<AlertWrite, { kind: 'step' }> {
  const { fingerprint, file, group, rule, state, at, activeAt } = transition
  const labels = clean(transition.labels)
  const annotations = clean(transition.annotations)
  const ended = state === 'resolved' || state === 'inactive'
  const heardAt = transition.heardAt ?? at
  const row: AlertRow = {
    fingerprint,
    episode: episodeId(transition),
    file,
    group,
    rule,
    expression: storable(transition.expression),
    labels,
    annotations,
    state: state === 'inactive' ? 'resolved' : state,
    value: transition.value,
    activeAt,
    // Another clock may be ahead: to us nothing began later than we heard of it.
    firedAt: transition.firedAt === null ? null : Math.min(transition.firedAt, heardAt),
    resolvedAt: ended ? heardAt : null,
    keepFiringSince: null,
    changedAt: heardAt,
    updatedAt: heardAt,
  }
  const { value } = transition
  return {
    kind: 'step',
    row,
    remove: state === 'inactive',
    event: {
      id: identity(at, 'transition', state, fingerprint, file, group, rule),
      at,
      kind: 'transition',
      host: cut(labels.host ?? '', maxName) || 'server',
      engine: cut(labels.engine ?? '', maxName) || null,
      incarnation: null,
      fingerprint,
      group: cut(storable(group), maxName),
      rule: cut(storable(rule), maxName),
      state,
      labels: short(labels),
      annotations: short(annotations),
      value: value === null || !Number.isFinite(value) ? null : value,
      activeAt,
    },
  }
}

export function textOf(amendment: Amendment): AlertWrite {
  return {
    kind: 'text',
    fingerprint: amendment.fingerprint,
    episode: episodeId(amendment),
    annotations: clean(amendment.annotations),
    value: amendment.value,
    keepFiringSince: amendment.keepFiringSince,
    updatedAt: amendment.heardAt ?? amendment.at,
  }
}

/** PostgreSQL keeps neither NUL nor half of a surrogate pair. */
const storable = (text: string): string => text.replace(/\0|\p{Surrogate}/gu, '\ufffd')
const cut = (text: string, length: number): string => (text.length > length ? storable(text.slice(0, length)) : text)

function clean(record: LabelRecord): LabelRecord {
  return Object.fromEntries(Object.entries(record).map(([name, text]) => [storable(name), storable(text)]))
}

function short(record: LabelRecord): Record<string, string> {
  return Object.fromEntries(Object.entries(record).map(([name, text]) => [cut(name, maxName), cut(text, maxText)]))
}
