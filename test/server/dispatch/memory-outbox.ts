// The outbox as a double in memory: what survives a restart is the object itself. It passes the same suite as the one over PostgreSQL.

import type { LogEntry, Outbox, OutboxRow } from '../../../server/dispatch/outbox-port.ts'
import { supersede } from '../../../server/dispatch/supersede.ts'

type Held = {
  row: OutboxRow
  readonly group: string
  readonly position: number
  readonly critical: boolean
  taken: boolean
  settledAt: number | null
}

export function memoryOutbox(): Outbox {
  const logs = new Map<string, { entry: LogEntry; updatedAt: number; channel: string; group: string }>()
  let rows: Held[] = []
  let position = 0
  const unsent = (held: Held): boolean => held.row.state === 'due' || held.row.state === 'failed'
  const byPosition = (a: Held, b: Held): number => a.position - b.position
  const heads = (channel: string): Held[] => {
    const first = new Map<string, Held>()
    for (const held of rows.filter((one) => one.row.channel === channel && unsent(one)).sort(byPosition))
      if (!first.has(held.group)) first.set(held.group, held)
    return [...first.values()].filter((held) => !held.taken)
  }

  return {
    async flush(group, channels, at, decide) {
      const known = new Map<string, LogEntry>()
      for (const { channel, entry, group: of } of logs.values())
        if (of === group && channels.includes(channel)) known.set(channel, entry)
      const changed = new Map<string, number>()
      for (const write of decide(known)) {
        const { channel, entry, notification } = write
        logs.set(`${channel} ${group}`, { entry, updatedAt: at, channel, group })
        if (notification === null) continue
        const waiting = rows
          .filter(
            (held) => held.group === group && held.row.channel === channel && unsent(held) && held.row.attempt === 0,
          )
          .sort(byPosition)
        const result = supersede(
          waiting.map((held) => held.row.notification),
          notification,
        )
        const replaced = waiting.find((held) => held.row.id === result.replaces)
        if (replaced !== undefined) {
          replaced.row = { ...replaced.row, state: 'superseded' }
          replaced.settledAt = at
        }
        // As the database would: what is stored is text.
        const stored = JSON.parse(JSON.stringify(result.notification)) as typeof notification
        const row: OutboxRow = {
          id: stored.id,
          channel,
          notification: stored,
          state: 'due',
          attempt: 0,
          createdAt: at,
          nextAt: at,
          code: '',
          reply: '',
        }
        if (rows.some((held) => held.row.id === row.id)) throw new Error(`id ${row.id} was used twice`)
        rows.push({
          row,
          group,
          position: replaced?.position ?? ++position,
          critical: write.critical || replaced?.critical === true,
          taken: false,
          settledAt: null,
        })
        changed.set(channel, replaced === undefined ? 1 : 0)
      }
      return changed
    },
    async take(channel, now) {
      const free = heads(channel)
      const [best] = free
        .filter((held) => held.row.nextAt <= now)
        .sort((a, b) => Number(b.critical) - Number(a.critical) || byPosition(a, b))
      if (best === undefined)
        return { row: null, nextAt: free.length === 0 ? null : Math.min(...free.map((held) => held.row.nextAt)) }
      best.taken = true
      best.row = { ...best.row, attempt: best.row.attempt + 1 }
      return { row: best.row }
    },
    async settle(id, result) {
      const held = rows.find((one) => one.row.id === id)
      if (held === undefined || !unsent(held)) return
      held.taken = false
      const code = result.state === 'sent' ? '' : result.code
      held.row = { ...held.row, state: result.state, code, reply: result.reply }
      if (result.state === 'failed') held.row = { ...held.row, nextAt: result.nextAt }
      else held.settledAt = result.at
    },
    async release() {
      for (const held of rows) if (unsent(held)) held.taken = false
    },
    async waiting() {
      const out = new Map<string, number>()
      for (const { row } of rows.filter(unsent)) out.set(row.channel, (out.get(row.channel) ?? 0) + 1)
      return out
    },
    async undelivered(since) {
      const lost = (held: Held): boolean => held.row.state === 'given_up' && held.settledAt! >= since
      const owed = rows.filter((held) => unsent(held) || lost(held))
      return [...new Set(owed.map((held) => held.row.channel))].sort().map((channel) => {
        const own = owed.filter((held) => held.row.channel === channel)
        const waits = own.filter(unsent).map((held) => held.row.createdAt)
        return {
          channel,
          oldestAt: waits.length === 0 ? null : Math.min(...waits),
          givenUp: own.filter(lost).length,
        }
      })
    },
    async sentSince(channel, since) {
      return rows
        .filter(({ row, settledAt }) => row.channel === channel && row.state === 'sent' && settledAt! >= since)
        .map((held) => held.settledAt!)
        .sort((a, b) => a - b)
    },
    async list(limit) {
      const newest = (a: Held, b: Held): number => b.row.createdAt - a.row.createdAt || b.position - a.position
      return [...rows]
        .sort(newest)
        .slice(0, limit)
        .map((held) => held.row)
    },
    async prune({ now, settledBefore, staleBefore, unsentBefore, channels }) {
      const lost = rows.filter(
        (held) => unsent(held) && held.row.createdAt < unsentBefore && !channels.includes(held.row.channel),
      )
      for (const held of lost) {
        held.row = { ...held.row, state: 'given_up', code: 'no_channel', reply: '' }
        held.settledAt = now
      }
      rows = rows.filter((held) => unsent(held) || held.settledAt! >= settledBefore)
      for (const [key, { entry, updatedAt }] of logs)
        if (updatedAt < (entry.firing.length === 0 ? settledBefore : staleBefore)) logs.delete(key)
      return lost.length
    },
  }
}
