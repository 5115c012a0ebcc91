// The pure decisions of dispatch, as tables: what is news, what replaces what, how often, and when again.

import { describe, expect, it } from 'vitest'
import type { SendResult } from '../../../server/dispatch/channel.ts'
import { news } from '../../../server/dispatch/dedup.ts'
import { worthAnEvent } from '../../../server/dispatch/delivery-event.ts'
import type { Notification } from '../../../server/dispatch/notification.ts'
import type { LogEntry } from '../../../server/dispatch/outbox-port.ts'
import { bucket } from '../../../server/dispatch/quota.ts'
import { settlementOf } from '../../../server/dispatch/retry.ts'
import { supersede } from '../../../server/dispatch/supersede.ts'
import { random } from '../../helpers/random.ts'
import { alertOf } from './story.ts'

const hour = 3_600_000
/** `a+ b-`: a fires, b has ended. */
const alertsOf = (text: string) =>
  text
    .split(' ')
    .filter((one) => one !== '')
    .map((one) => alertOf(one.slice(0, -1), { endsAt: one.endsWith('-') ? 500 : null }))

describe('news', () => {
  it.each([
    { known: null, alerts: 'a+', at: 1000, gives: 'first' },
    { known: null, alerts: 'a-', at: 1000, gives: 'nothing' },
    { known: null, alerts: '', at: 1000, gives: 'nothing' },
    { known: '', alerts: 'a+', at: 1000, gives: 'first' },
    { known: '', alerts: 'a-', at: 99 * hour, gives: 'nothing' },
    { known: 'a', alerts: 'a+', at: 1000, gives: 'nothing' },
    { known: 'a', alerts: 'a+ b+', at: 1000, gives: 'new_firing' },
    { known: 'a', alerts: 'b+', at: 1000, gives: 'new_firing' },
    { known: 'a', alerts: 'a- b+', at: 1000, gives: 'new_firing' },
    { known: 'a b', alerts: 'a+ b-', at: 1000, gives: 'new_resolved' },
    { known: 'a', alerts: 'a+ b-', at: 1000, gives: 'nothing' },
    { known: 'a', alerts: 'a-', at: 1000, gives: 'all_resolved' },
    { known: 'a', alerts: 'b-', at: 1000, gives: 'nothing' },
    { known: 'a', alerts: 'a+', at: hour, gives: 'repeat' },
    { known: 'a', alerts: 'a+', at: hour - 1, gives: 'nothing' },
    { known: 'a b', alerts: 'a+', at: 2 * hour, gives: 'repeat' },
  ])('of $alerts to one who knows $known is $gives', ({ known, alerts, at, gives }) => {
    const firing = known?.split(' ').filter((one) => one !== '')
    const entry: LogEntry | null = firing === undefined ? null : { firing, toldAt: 0, firingAt: 0 }
    expect(news(entry, alertsOf(alerts), hour, at)).toBe(gives)
  })
})

describe('a newer message', () => {
  const message = (id: string, alerts: string, reason: Notification['reason'], truncated = 0): Notification => ({
    id,
    receiver: 'r',
    groupKey: 'g',
    reason,
    status: alerts.includes('+') ? 'firing' : 'resolved',
    groupLabels: {},
    commonLabels: {},
    commonAnnotations: {},
    alerts: alertsOf(alerts),
    truncated,
    externalUrl: '',
    at: 1000,
  })
  const text = (one: Notification): string =>
    `${one.reason} ${one.alerts.map((alert) => `${alert.fingerprint}${alert.endsAt === null ? '+' : '-'}`).join(' ')}`

  it.each([
    { waits: [], newer: 'a+', why: 'first', replaces: null, says: 'first a+' },
    { waits: ['a+'], newer: 'a+ b+', why: 'new_firing', replaces: '0', says: 'first a+ b+' },
    { waits: ['a+'], newer: 'a+', why: 'repeat', replaces: '0', says: 'first a+' },
    // Never a recovery in front of, or instead of, what it ends.
    { waits: ['a+'], newer: 'a-', why: 'all_resolved', replaces: null, says: 'all_resolved a-' },
    { waits: ['a-'], newer: 'a+', why: 'first', replaces: null, says: 'first a+' },
    { waits: ['a+', 'a-'], newer: 'a+', why: 'first', replaces: null, says: 'first a+' },
    { waits: ['a+', 'a-', 'a+'], newer: 'a+ b+', why: 'new_firing', replaces: '2', says: 'first a+ b+' },
    // Never less than the older one said.
    { waits: ['a+ b+'], newer: 'a+ b-', why: 'new_resolved', replaces: null, says: 'new_resolved a+ b-' },
    { waits: ['a+ b-'], newer: 'a+ c+', why: 'new_firing', replaces: '0', says: 'first a+ c+ b-' },
    { waits: ['a+ b-'], newer: 'a+ b+', why: 'new_firing', replaces: null, says: 'new_firing a+ b+' },
  ] as const)('$why $newer behind $waits says "$says" and replaces $replaces', ({
    waits,
    newer,
    why,
    replaces,
    says,
  }) => {
    const waiting = waits.map((alerts, index) => message(String(index), alerts, 'first'))
    const result = supersede(waiting, message('n', newer, why))
    expect(result.replaces).toBe(replaces)
    expect(text(result.notification)).toBe(says)
    expect(result.notification.id).toBe('n')
  })

  it('never replaces one that did not list all its alerts', () => {
    expect(supersede([message('0', 'a+', 'first', 5)], message('n', 'a+ b+', 'repeat')).replaces).toBeNull()
  })
})

describe('a quota', () => {
  it('lets the burst through, then keeps the pace', () => {
    const one = bucket({ perMinute: 18, burst: 5 }, [])
    expect(Array.from({ length: 6 }, () => one.reserve(0))).toEqual([0, 0, 0, 0, 0, 3334])
    expect(one.reserve(3334)).toBe(0)
  })

  it('is never passed in any minute, whatever the times of asking', () => {
    const seed = Date.now() % 1_000_000
    const chance = random(seed)
    for (let n = 0; n < 200; n++) {
      const quota = { perMinute: chance.integer(1, 20), burst: chance.integer(1, 30) }
      const one = bucket(quota, [])
      const sent: number[] = []
      let now = chance.integer(0, 1e6)
      for (let step = 0; step < 300; step++) {
        const wait = one.reserve(now)
        if (wait === 0) {
          if (chance.uniform() < 0.1) one.giveBack()
          else sent.push(now)
        }
        now += chance.uniform() < 0.5 ? wait : chance.integer(0, 2000)
      }
      for (const at of sent) {
        const inMinute = sent.filter((other) => other >= at && other < at + 60_000).length
        expect(inMinute, `seed ${seed}, schedule ${n}`).toBeLessThanOrEqual(quota.perMinute)
      }
    }
  })

  it('remembers what was sent before it was made', () => {
    const one = bucket({ perMinute: 6, burst: 6 }, [0, 1000, 2000, 3000, 4000, 5000])
    expect(one.reserve(6000)).toBe(54_000)
    expect(one.reserve(60_000)).toBe(0)
  })

  it('of none waits only when the receiver asked for silence', () => {
    const one = bucket(null, [])
    expect(Array.from({ length: 100 }, () => one.reserve(0)).every((wait) => wait === 0)).toBe(true)
    one.pause(500)
    expect([one.reserve(100), one.reserve(500)]).toEqual([400, 0])
  })
})

describe('after an attempt', () => {
  const failed = (retryable: boolean, retryAfterMs: number | null = null): SendResult => ({
    ok: false,
    code: 'http_5xx',
    reply: 'x'.repeat(5000),
    retryable,
    retryAfterMs,
  })
  it.each([
    { result: failed(true), attempt: 1, age: 0, state: 'failed', in: 1000 },
    { result: failed(true), attempt: 2, age: 0, state: 'failed', in: 5000 },
    { result: failed(true), attempt: 3, age: 0, state: 'failed', in: 25_000 },
    { result: failed(true), attempt: 4, age: 0, state: 'failed', in: 60_000 },
    { result: failed(true), attempt: 900, age: 0, state: 'failed', in: 60_000 },
    { result: failed(true, 90_000), attempt: 1, age: 0, state: 'failed', in: 90_000 },
    { result: failed(true, 99 * hour), attempt: 1, age: 0, state: 'failed', in: hour },
    { result: failed(true, 10), attempt: 2, age: 0, state: 'failed', in: 5000 },
    { result: failed(false), attempt: 1, age: 0, state: 'given_up', in: null },
    { result: failed(true), attempt: 4, age: 24 * hour, state: 'given_up', in: null },
    { result: { ok: true, reply: 'ok' } as const, attempt: 4, age: 25 * hour, state: 'sent', in: null },
  ])('number $attempt of a message $age ms old it is $state', ({ result, attempt, age, state, in: wait }) => {
    const at = 1e12
    const settled = settlementOf(result, { attempt, createdAt: at - age }, at, () => 0)
    expect(settled.state).toBe(state)
    expect(settled.state === 'failed' ? settled.nextAt - at : null).toBe(wait)
    expect(settled.reply.length).toBeLessThanOrEqual(4000)
  })

  it('the next one comes up to a fifth earlier, never later', () => {
    for (const draw of [0, 0.5, 0.999]) {
      const settled = settlementOf(failed(true), { attempt: 4, createdAt: 0 }, 0, () => draw)
      expect(settled.state === 'failed' && settled.nextAt).toBe(Math.ceil(60_000 * (1 - draw / 5)))
    }
  })

  it('history gets the first failures and then ever fewer', () => {
    const settled = settlementOf(failed(true), { attempt: 1, createdAt: 0 }, 0, () => 0)
    const told = Array.from({ length: 1440 }, (_, n) => n + 1).filter((attempt) => worthAnEvent(settled, attempt))
    expect(told).toEqual([1, 2, 3, 4, 8, 16, 32, 64, 128, 256, 512, 1024])
  })
})
