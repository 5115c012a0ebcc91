// The whole road over the real PostgreSQL and the real clock: an alert to a channel, a restart, a recovery, each message once.

import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { systemClock } from '../../../core/base/clock.ts'
import { silentLog } from '../../../core/base/log.ts'
import type { Alert, AlertListener } from '../../../server/alert/alert.ts'
import { openAckTable } from '../../../server/db/ack-table.ts'
import { openOutbox } from '../../../server/db/outbox.ts'
import { openSilenceTable } from '../../../server/db/silence-table.ts'
import { openAcks } from '../../../server/dispatch/acks.ts'
import { type Dispatch, openDispatch } from '../../../server/dispatch/dispatcher.ts'
import { openEscalation } from '../../../server/dispatch/escalation.ts'
import type { Notification } from '../../../server/dispatch/notification.ts'
import { openSilences } from '../../../server/dispatch/silences.ts'
import { testDatabase } from '../../helpers/database.ts'
import { alertOf, ok, routeOf } from './story.ts'

describe('dispatch over PostgreSQL', () => {
  it('tells a crash, nothing again after a restart, and the recovery', async () => {
    await using database = await testDatabase()
    const received: Notification[] = []
    let arrived = (): void => {}
    const alerts = new Map<string, Alert>()
    const listeners = new Set<AlertListener>()
    const set = (alert: Alert): void => {
      alerts.set(alert.fingerprint, alert)
      for (const listener of listeners) listener([alert])
    }
    const life = async (): Promise<Dispatch> => {
      const dispatch = openDispatch({
        clock: systemClock,
        log: silentLog,
        source: {
          current: () => [...alerts.values()],
          subscribe(listener) {
            listeners.add(listener)
            return { [Symbol.dispose]: () => void listeners.delete(listener) }
          },
        },
        route: routeOf('{receiver: oncall, group_wait: 0s, resolve_wait: 0s}'),
        inhibitRules: [],
        acks: openAcks({ clock: systemClock, log: silentLog, table: openAckTable(database.db) }),
        escalation: openEscalation([], [], new Set()),
        silences: openSilences({
          clock: systemClock,
          log: silentLog,
          table: openSilenceTable(database.db),
          newId: () => randomBytes(16).toString('hex'),
        }),
        channels: [
          {
            name: 'oncall/m[0]',
            kind: 'm',
            receiver: 'oncall',
            sendResolved: true,
            async send(notification) {
              received.push(notification)
              arrived()
              return ok
            },
            preview: () => '',
          },
        ],
        outbox: openOutbox(database.db),
        emit: () => {},
        externalUrl: 'http://localhost:9700',
        newId: () => randomBytes(16).toString('hex'),
      })
      await dispatch.start(new AbortController().signal)
      return dispatch
    }
    const next = (): Promise<void> =>
      new Promise((resolve) => {
        arrived = resolve
      })

    const first = await life()
    const crash = next()
    const now = Date.now()
    set(alertOf('a', { labels: { alertname: 'EngineCrashed' }, startsAt: now, updatedAt: now }))
    await crash
    await first.stop()
    const second = await life()
    const recovery = next()
    set({ ...alerts.get('a')!, endsAt: Date.now(), updatedAt: Date.now() })
    await recovery
    await second.stop()
    expect(received.map((one) => [one.reason, one.status])).toEqual([
      ['first', 'firing'],
      ['all_resolved', 'resolved'],
    ])
    expect((await openOutbox(database.db).list(10)).map((row) => [row.state, row.attempt])).toEqual([
      ['sent', 1],
      ['sent', 1],
    ])
  })
})
