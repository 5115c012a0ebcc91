// The alerts in sight, by fingerprint: what is in the table, without what ended long ago. Only durable changes come here.

import type { RestoredAlert } from '../../core/rules/transition.ts'
import type { Alert } from './alert.ts'
import type { AlertRow, AlertWrite } from './alert-table-port.ts'
import { merged } from './alert-view.ts'

export type AlertMemory = {
  load(rows: readonly AlertRow[]): void
  /** Takes durable changes in order; answers the alerts to tell, in order, no alert twice in one list. */
  take(writes: readonly AlertWrite[]): readonly (readonly Alert[])[]
  /** Drops what was resolved before that time. */
  forget(resolvedBefore: number): void
  current(): readonly Alert[]
  find(fingerprint: string): Alert | null
  /** Lives of the alert under this rule. */
  lives(of: Pick<AlertRow, 'fingerprint' | 'file' | 'group' | 'rule'>): readonly AlertRow[]
  restored(): readonly RestoredAlert[]
  /** Time of the newest change; null where there is no alert. */
  newestChange(): number | null
  readonly firing: number
}

export function openAlertMemory(externalUrl: string): AlertMemory {
  /** Fingerprint → episode → row. */
  const alerts = new Map<string, Map<string, AlertRow>>()
  const all = function* (): Iterable<AlertRow> {
    for (const rows of alerts.values()) yield* rows.values()
  }
  const put = (row: AlertRow): void => {
    const rows = alerts.get(row.fingerprint)
    if (rows === undefined) alerts.set(row.fingerprint, new Map([[row.episode, row]]))
    else rows.set(row.episode, row)
  }
  const remove = (row: AlertRow): void => {
    const rows = alerts.get(row.fingerprint)
    rows?.delete(row.episode)
    if (rows?.size === 0) alerts.delete(row.fingerprint)
  }

  /** Whether it changed anything that a reader can see. */
  const change = (write: AlertWrite): boolean => {
    if (write.kind === 'text') {
      const known = alerts.get(write.fingerprint)?.get(write.episode)
      if (known?.state !== 'firing' || known.updatedAt >= write.updatedAt) return false
      const { annotations, value, keepFiringSince, updatedAt } = write
      put({ ...known, annotations, value, keepFiringSince, updatedAt })
      return true
    }
    const { row } = write
    const known = alerts.get(row.fingerprint)?.get(row.episode)
    if (known !== undefined && (known.changedAt > row.changedAt || known.state === row.state)) return false
    if (write.remove) remove(row)
    else put(row)
    return row.state !== 'pending' && !write.remove
  }

  return {
    newestChange() {
      let newest: number | null = null
      for (const row of all()) newest = Math.max(newest ?? row.changedAt, row.changedAt)
      return newest
    },
    load(rows) {
      for (const row of rows) put(row)
    },
    take(writes) {
      const lists: Alert[][] = []
      let list = new Map<string, Alert>()
      const flush = (): void => {
        if (list.size > 0) lists.push([...list.values()])
        list = new Map()
      }
      for (const write of writes) {
        const { fingerprint } = write.kind === 'step' ? write.row : write
        if (!change(write)) continue
        if (list.has(fingerprint)) flush()
        const alert = merged(alerts.get(fingerprint)?.values() ?? [], externalUrl)
        if (alert !== null) list.set(fingerprint, alert)
      }
      flush()
      return lists
    },
    forget(resolvedBefore) {
      for (const row of [...all()]) if (row.resolvedAt !== null && row.resolvedAt < resolvedBefore) remove(row)
    },
    find: (fingerprint) => merged(alerts.get(fingerprint)?.values() ?? [], externalUrl),
    lives: ({ fingerprint, file, group, rule }) =>
      [...(alerts.get(fingerprint)?.values() ?? [])].filter(
        (row) => row.file === file && row.group === group && row.rule === rule,
      ),
    current: () => [...alerts.values()].flatMap((rows) => merged(rows.values(), externalUrl) ?? []),
    restored: () =>
      [...all()].flatMap((row) => {
        if (row.state === 'resolved') return []
        const { fingerprint, file, group, rule, expression, labels, annotations, activeAt, firedAt } = row
        const { state, value, keepFiringSince } = row
        const from = { fingerprint, file, group, rule, expression, labels, annotations, activeAt, firedAt }
        return [{ ...from, state, value: value ?? 0, keepFiringSince }]
      }),
    get firing() {
      let count = 0
      for (const row of all()) if (row.state === 'firing') count++
      return count
    },
  }
}
