// Rows as alerts for the rooms behind. Rules that give the same labels are one alert to a reader: it fires while one of them does.

import type { Alert } from './alert.ts'
import type { AlertRow } from './alert-table-port.ts'

export function alertOf(row: AlertRow, externalUrl: string): Alert {
  return {
    fingerprint: row.fingerprint,
    labels: row.labels,
    annotations: row.annotations,
    startsAt: row.firedAt ?? row.activeAt,
    endsAt: row.resolvedAt,
    updatedAt: row.updatedAt,
    generatorUrl: `${externalUrl}/graph?${new URLSearchParams({ 'g0.expr': row.expression, 'g0.tab': '1' })}`,
    source: 'rules',
  }
}

/** The alert that these rows of one fingerprint are together; null while none of them ever fired. */
export function merged(rows: Iterable<AlertRow>, externalUrl: string): Alert | null {
  let best: AlertRow | null = null
  for (const row of rows) {
    if (row.state !== 'pending' && (best === null || goesBefore(row, best))) best = row
  }
  return best === null ? null : alertOf(best, externalUrl)
}

/** Firing before resolved; of firing ones the oldest, of resolved ones the newest. */
function goesBefore(row: AlertRow, other: AlertRow): boolean {
  if (row.state !== other.state) return row.state === 'firing'
  return row.state === 'firing'
    ? (row.firedAt ?? row.activeAt) < (other.firedAt ?? other.activeAt)
    : (row.resolvedAt ?? 0) > (other.resolvedAt ?? 0)
}
