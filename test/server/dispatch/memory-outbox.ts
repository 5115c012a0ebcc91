// The outbox as a double in memory: what survives a restart is the object itself. It passes the same suite as the one over PostgreSQL.

import type { Notification } from '../../../server/dispatch/notification.ts'
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
  const byPosition = (a: Held, b: Held): number => a.position - b.position || (a.row.id < b.row.id ? -1 : 1)
  const digestGroup = ''
  const heads = (channel: string): Held[] => {
    const first = new Map<string, Held>()
    const all = rows.filter((one) => one.row.channel === channel && unsent(one)).sort(byPosition)
    const digest = all.find((one) => one.group === digestGroup)?.position ?? Number.POSITIVE_INFINITY
    for (const held of all.filter((one) => one.position <= digest))
      if (!first.has(held.group)) first.set(held.group, held)
    return [...first.values()].filter((held) => !held.taken)
  }

  /** As the database would: what is stored is text. */
  const add = (
    notification: Notification,
    more: Pick<Held, 'group' | 'position' | 'critical'> & { readonly channel: string; readonly at: number },
  ): void => {
    const { channel, at, ...place } = more
    const stored = JSON.parse(JSON.stringify(notification)) as Notification
    if (rows.some((held) => held.row.id === stored.id)) throw new Error(`id ${stored.id} was used twice`)
    const times = { createdAt: at, nextAt: at }
    const row: OutboxRow = {
      id: stored.id,
      channel,
      notification: stored,
      state: 'due',
      attempt: 0,
      ...times,
      code: '',
      reply: '',
    }
    rows.push({ row, ...place, taken: false, settledAt: null })
  }
  const replace = (ids: readonly string[], by: string, at: number): void => {
    for (const held of rows.filter((one) => ids.includes(one.row.id))) {
      held.row = { ...held.row, state: 'merged', code: by }
      held.taken = false
      held.settledAt = at
    }
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
        add(result.notification, {
          channel,
          at,
          group,
          position: replaced?.position ?? ++position,
          critical: write.critical || replaced?.critical === true,
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
      if (held === undefined || !unsent(held)) return 0
      held.taken = false
      const code = result.state === 'sent' ? (result.spilled === true ? 'spilled' : '') : result.code
      held.row = { ...held.row, state: result.state, code, reply: result.reply }
      if (result.state === 'failed') {
        held.row = { ...held.row, nextAt: result.nextAt }
        return 0
      }
      held.settledAt = result.at
      const again = held.row.notification.digest === true && result.state === 'given_up'
      const merged = rows.filter((other) => other.row.state === 'merged' && other.row.code === id)
      for (const one of merged) {
        if (!again) one.row = { ...one.row, reply: result.reply }
        else {
          one.row = { ...one.row, state: 'failed', attempt: 1, nextAt: result.at, code: '' }
          one.settledAt = null
        }
      }
      return again ? merged.length : 0
    },
    async wasSpilled(id) {
      const own = rows.find((one) => one.row.id === id)!
      const before = rows
        .filter((one) => one.group === own.group && one.row.channel === own.row.channel && one.row.state === 'sent')
        .filter((one) => one.position < own.position)
      const ends = before.filter((one) => one.row.notification.status === 'resolved')
      const since = Math.max(0, ...ends.map((one) => one.position))
      return before.some((one) => one.position > since && one.row.code === 'spilled')
    },
    async merge(channel, now, decide) {
      const open = rows.filter((one) => one.row.channel === channel && unsent(one))
      const held = new Set(open.filter(({ row }) => row.attempt > 0 || row.nextAt > now).map((one) => one.group))
      const free = open.filter((one) => one.group !== digestGroup && !held.has(one.group)).sort(byPosition)
      const waiting = free.map(({ row, group, critical }) => ({
        id: row.id,
        group,
        critical,
        notification: row.notification,
      }))
      const merges = decide(waiting)
      for (const { from, notification, critical } of merges) {
        replace(from, notification.id, now)
        add(notification, { channel, at: now, group: digestGroup, position: ++position, critical })
      }
      return merges.reduce((sum, one) => sum + 1 - one.from.length, 0)
    },
    async split(id, parts) {
      const found = rows.find((one) => one.row.id === id)
      if (found === undefined || !unsent(found) || parts.length === 0) return 0
      replace([id], parts.at(-1)!.id, found.row.createdAt)
      const { group, position: place, critical, row } = found
      for (const part of parts) add(part, { channel: row.channel, at: row.createdAt, group, position: place, critical })
      return parts.length - 1
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
