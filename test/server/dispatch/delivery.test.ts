// Stories of messages on their way: channels that fail, hang or ask for patience, and what a kill in the middle does.

import { describe, expect, it } from 'vitest'
import { event as eventSchema } from '../../../core/event/event.ts'
import { ok, type Point, refuses, story } from './story.ts'

const atOnce = '{receiver: oncall, group_by: [alertname], group_wait: 0s, group_interval: 5m, repeat_interval: 4h}'
const together = '{receiver: oncall, group_wait: 0s, group_interval: 5m, repeat_interval: 5m}'

const seconds = (at: number): number => (at - Date.UTC(2026, 0, 1)) / 1000

describe('a channel', () => {
  it('that fails is tried after 1 s, 5 s, 25 s and then every minute, with one id, until it works', async () => {
    const s = story(atOnce)
    const to = s.collector()
    to.answer = (_notification, attempt) => (attempt < 7 ? refuses('http_5xx') : ok)
    const dispatch = await s.start()
    s.fires('a', { engine: 'e1' })
    await s.after('10m')
    expect(to.received.map((one) => seconds(one.at))).toEqual([0, 1, 6, 31, 91, 151, 211])
    expect(new Set(to.received.map((one) => one.notification.id)).size).toBe(1)
    expect(s.events.map((one) => one.kind === 'delivery' && [one.attempt, one.status, one.reply])).toEqual([
      [1, 'failed', 'http_5xx: http_5xx!'],
      [2, 'failed', 'http_5xx: http_5xx!'],
      [3, 'failed', 'http_5xx: http_5xx!'],
      [4, 'failed', 'http_5xx: http_5xx!'],
      [7, 'sent', 'ok'],
    ])
    for (const one of s.events) expect(eventSchema.parse(one)).toEqual(one)
    expect(s.events[0]).toMatchObject({
      host: 'server',
      engine: 'e1',
      receiver: 'oncall',
      channel: 'oncall/memory[0]',
      messageId: to.received[0]!.notification.id,
      transition: 'firing',
      fingerprints: ['a'],
    })
    const { attempts, waiting } = dispatch.stats()
    expect(attempts).toEqual([
      { kind: 'memory', result: 'failed', code: 'http_5xx', count: 6 },
      { kind: 'memory', result: 'sent', code: '', count: 1 },
    ])
    expect(waiting).toEqual([{ channel: 'oncall/memory[0]', rows: 0 }])
  })

  it.each([
    { why: 'when trying again cannot help', answer: refuses('rejected', false), after: '1s', attempts: 1 },
    { why: 'after a day', answer: refuses('unreachable', true, 3_600_000), after: '30h', attempts: 25 },
  ])('gives a message up $why, and goes on with the next', async ({ answer, after, attempts }) => {
    const s = story(atOnce.replace('4h', '4d'))
    const to = s.collector()
    to.answer = (notification) => (notification.alerts[0]?.fingerprint === 'a' ? answer : ok)
    await s.start()
    s.fires('a')
    s.fires('b')
    await s.after(after)
    const of = (name: string) => to.received.filter((one) => one.notification.alerts[0]?.fingerprint === name)
    const first = of('a')[0]!.notification.id
    expect(of('a').filter((one) => one.notification.id === first)).toHaveLength(attempts)
    expect(of('b').length).toBeGreaterThan(0)
    const rows = await s.outbox.list(100)
    expect(rows.find((row) => row.id === first)).toMatchObject({ state: 'given_up', attempt: attempts })
    expect(s.events.filter((one) => one.kind === 'delivery' && one.messageId === first).at(-1)).toMatchObject({
      status: 'given_up',
    })
  })

  it('that asks for patience gets it, for all its messages when it is the rate that it minds', async () => {
    const s = story(atOnce)
    const to = s.collector()
    to.answer = (_notification, attempt) =>
      to.received.length === 1 && attempt === 1 ? refuses('rate_limited', true, 40_000) : ok
    await s.start()
    s.fires('a')
    await s.after('1s')
    s.fires('b')
    await s.after('38s')
    expect(to.received).toHaveLength(1)
    await s.after('2s')
    expect(s.told()).toEqual(['00:00 first +a', '00:40 first +b'])
    expect(to.received).toHaveLength(3)
  })

  it('that hangs is cut after 30 s and does not hold another channel or another group', async () => {
    const s = story(atOnce)
    const bad = s.collector('oncall/bad[0]')
    const good = s.collector('oncall/good[0]')
    bad.answer = (notification) => (notification.alerts[0]?.fingerprint === 'a' ? 'hang' : ok)
    const dispatch = await s.start()
    s.fires('a')
    s.fires('b')
    await s.after('29s')
    expect(s.told(good)).toEqual(['00:00 first +a', '00:00 first +b'])
    expect(s.told(bad)).toEqual(['00:00 first +a'])
    await s.after('1s')
    expect(s.told(bad)).toEqual(['00:00 first +a', '00:30 first +b'])
    expect(dispatch.stats().attempts).toContainEqual({ kind: 'bad', result: 'failed', code: 'timeout', count: 1 })
  })

  it('that throws loses nothing', async () => {
    const s = story(atOnce)
    const to = s.collector()
    to.answer = (_notification, attempt) => {
      if (attempt === 1) throw new Error('cannot POST http://x/?access_token=canary')
      return ok
    }
    await s.start()
    s.fires('a')
    await s.after('2s')
    expect(to.received).toHaveLength(2)
    expect(s.events[0]).toMatchObject({
      status: 'failed',
      reply: 'unreachable: cannot POST http://x/?access_token=***',
    })
  })

  it('that was away gets what it was tried with, then the newest firing message, then the recovery', async () => {
    const s = story(together)
    const to = s.collector()
    to.answer = () => (s.clock.now() < Date.UTC(2026, 0, 1, 0, 16) ? refuses('unreachable') : ok)
    await s.start()
    s.fires('a')
    await s.after('1m')
    s.fires('b')
    await s.after('10m')
    s.resolves('a', 'b')
    await s.after('30m')
    const sentOk = s.events.filter((one) => one.kind === 'delivery' && one.status === 'sent')
    const messages = sentOk.map((one) => {
      const found = to.received.find((got) => one.kind === 'delivery' && got.notification.id === one.messageId)
      return `${found?.notification.reason} ${found?.notification.alerts.map((alert) => alert.fingerprint).join(' ')}`
    })
    expect(messages).toEqual(['first a', 'new_firing a b', 'all_resolved a b'])
    const states = (await s.outbox.list(100)).map((row) => row.state)
    expect(states.sort()).toEqual(['sent', 'sent', 'sent', 'superseded'])
  })

  it('with a quota never gets more than it takes in any minute, also over a restart, and loses nothing', async () => {
    const s = story(atOnce)
    const to = s.collector('oncall/robot[0]', { quota: { perMinute: 18, burst: 5 } })
    await s.start()
    for (let n = 0; n < 150; n++) {
      s.fires(`alert ${n}`, n % 3 === 0 ? { severity: 'critical' } : {})
      await s.after('1s')
      if (n === 70) await s.start()
    }
    await s.after('5m')
    const named = to.received.flatMap(({ notification }) => notification.alerts.map((one) => one.fingerprint))
    expect(new Set(named).size).toBe(150)
    expect(named).toHaveLength(150)
    expect(to.received.length).toBeLessThan(80)
    const times = to.received.map((one) => one.at)
    for (const at of times)
      expect(times.filter((other) => other >= at && other < at + 60_000).length).toBeLessThanOrEqual(18)
  })

  it('past its quota gets few critical messages on their own, then digests, with one proof for all they hold', async () => {
    const s = story(atOnce)
    const to = s.collector('oncall/robot[0]', { quota: { perMinute: 18, burst: 5 } })
    const dispatch = await s.start()
    for (let n = 0; n < 60; n++) s.fires(`a${n}`, n < 3 ? { severity: 'critical' } : {})
    await s.after('30s')
    const sizes = to.received.map((one) => one.notification.alerts.length)
    expect(sizes.slice(0, 3)).toEqual([1, 1, 1])
    expect(sizes.reduce((sum, one) => sum + one, 0)).toBe(60)
    expect(sizes.length).toBeLessThan(12)
    expect(dispatch.stats().waiting).toEqual([{ channel: 'oncall/robot[0]', rows: 0 }])
    const rows = await s.outbox.list(100)
    for (const digest of rows.filter((row) => row.notification.digest === true)) {
      const merged = rows.filter((row) => row.code === digest.id)
      expect(merged.map((row) => [row.state, row.reply])).toEqual(merged.map(() => ['merged', 'ok']))
      const proof = s.events.find((one) => one.kind === 'delivery' && one.messageId === digest.id)
      expect(proof?.kind === 'delivery' && proof.fingerprints).toHaveLength(merged.length)
      expect(merged.length).toBeGreaterThan(11)
    }
  })

  it('that refuses a digest gets its messages one by one instead', async () => {
    const s = story(atOnce)
    const to = s.collector('oncall/robot[0]', { quota: { perMinute: 18, burst: 5 } })
    to.answer = (notification) => (notification.digest === true ? refuses('rejected', false) : ok)
    await s.start()
    for (let n = 0; n < 30; n++) s.fires(`a${n}`)
    await s.after('5m')
    const digests = to.received.filter((one) => one.notification.digest === true)
    const alone = to.received.filter((one) => one.notification.digest !== true)
    expect(digests).toHaveLength(1)
    expect(new Set(alone.map((one) => one.notification.alerts[0]!.fingerprint)).size).toBe(30)
    expect([...(await s.outbox.waiting())]).toEqual([])
  })

  it('gets no news of a group before the digest that speaks of it, though that one fails for a while', async () => {
    const s = story(atOnce.replace('group_wait: 0s', 'group_wait: 0s, resolve_wait: 0s'))
    const to = s.collector('oncall/robot[0]', { quota: { perMinute: 18, burst: 5 } })
    to.answer = (_notification, attempt) => (attempt < 3 ? refuses('http_5xx') : ok)
    await s.start()
    for (let n = 0; n < 30; n++) s.fires(`a${n}`)
    await s.after('1s')
    s.resolves('a7')
    await s.after('3m')
    const good = s.events.flatMap((one) => (one.kind === 'delivery' && one.status === 'sent' ? [one.messageId] : []))
    const sent = good.map((id) => to.received.find((one) => one.notification.id === id)!.notification)
    const about = sent.filter((one) => one.alerts.some((alert) => alert.fingerprint === 'a7'))
    expect(about.map((one) => [one.digest === true, one.status])).toEqual([
      [true, 'firing'],
      [false, 'resolved'],
    ])
  })

  it('that cannot show a whole group gets it in numbered parts, in order, each with its own proof', async () => {
    const s = story(together.replace('group_wait: 0s', 'group_wait: 1s'))
    const to = s.collector('oncall/robot[0]', { shown: (one) => Math.min(10, one.alerts.length) })
    await s.start({ point: 'before:settle', nth: 2 })
    for (let n = 0; n < 25; n++) s.fires(`a${String(n).padStart(2, '0')}`)
    await s.after('2s')
    expect(s.alive).toBe(false)
    await s.start()
    await s.after('2m')
    const seen = new Map(to.received.map((one) => [one.notification.id, one.notification]))
    const of = [...seen.values()].filter((one) => one.part !== undefined)
    expect(of.map((one) => `${one.part!.number}/${one.part!.of}`)).toEqual(['1/3', '2/3', '3/3'])
    expect(of.flatMap((one) => one.alerts)).toHaveLength(25)
    expect([...(await s.outbox.waiting())]).toEqual([])
  })

  it('shares the quota of its key with the others', async () => {
    const s = story(atOnce)
    const quota = { perMinute: 6, burst: 6, key: 'robot 1' }
    const [one, two] = [s.collector('oncall/robot[0]', { quota }), s.collector('oncall/robot[1]', { quota })]
    await s.start()
    for (let n = 0; n < 8; n++) s.fires(`alert ${n}`)
    await s.after('9s')
    expect(one.received.length + two.received.length).toBe(6)
  })
})

describe('a second channel', () => {
  const spill = (s: ReturnType<typeof story>) => {
    const quota = { perMinute: 18, burst: 5 }
    return {
      first: s.collector('oncall/robot[0]', { quota: { ...quota, key: '1' }, spillTo: 'other' }),
      second: s.collector('other/robot[0]', { quota: { ...quota, key: '2' } }),
    }
  }
  const texts = (to: { received: readonly { notification: { alerts: readonly { fingerprint: string }[] } }[] }) =>
    to.received.map((one) => one.notification.alerts.map((alert) => alert.fingerprint).join(' '))

  it('has what a blocked robot cannot tell, at once and until the block ends', async () => {
    const s = story(atOnce)
    const { first, second } = spill(s)
    first.answer = () => (s.clock.now() < Date.UTC(2026, 0, 1, 0, 10) ? refuses('rate_limited', true, 600_000) : ok)
    const dispatch = await s.start()
    s.fires('a')
    await s.after('5m')
    s.fires('b')
    await s.after('6m')
    s.fires('c')
    await s.after('1s')
    expect(texts(second)).toEqual(['a', 'b'])
    expect(texts(first)).toEqual(['a', 'c'])
    expect(dispatch.stats().spilled).toEqual([{ kind: 'robot', count: 2 }])
    const rows = await s.outbox.list(10)
    expect(rows.map((row) => [row.channel, row.state, row.reply]).reverse()).toEqual([
      ['oncall/robot[0]', 'sent', 'by other/robot[0]: ok; itself rate_limited: rate_limited!'],
      ['oncall/robot[0]', 'sent', 'by other/robot[0]: ok'],
      ['oncall/robot[0]', 'sent', 'ok'],
    ])
  })

  it('that told of an alert hears of its end as well, and of no later episode', async () => {
    const s = story(atOnce.replace('group_wait: 0s', 'group_wait: 0s, resolve_wait: 0s'))
    const { first, second } = spill(s)
    first.answer = () => (s.clock.now() < Date.UTC(2026, 0, 1, 0, 10) ? refuses('rate_limited', true, 600_000) : ok)
    second.answer = (notification, attempt) =>
      notification.status === 'resolved' && attempt === 1 ? refuses('http_5xx') : ok
    await s.start()
    s.fires('a')
    await s.after('11m')
    s.resolves('a')
    await s.after('1m')
    s.fires('a')
    await s.after('10m')
    s.resolves('a')
    await s.after('1m')
    const statuses = (to: typeof first) => to.received.map((one) => one.notification.status)
    expect(statuses(second)).toEqual(['firing', 'resolved', 'resolved'])
    expect(new Set(second.received.slice(1).map((one) => one.notification.id)).size).toBe(1)
    expect(statuses(first)).toEqual(['firing', 'resolved', 'firing', 'resolved'])
    expect([...(await s.outbox.waiting())]).toEqual([])
  })

  it('has what the first refuses for good, and what it has failed three times', async () => {
    const s = story(atOnce)
    const { first, second } = spill(s)
    first.answer = (notification) =>
      notification.alerts[0]?.fingerprint === 'a' ? refuses('rejected', false) : refuses('unreachable')
    await s.start()
    s.fires('a')
    s.fires('b')
    await s.after('1m')
    expect(texts(second)).toEqual(['a', 'b'])
    expect(texts(first)).toEqual(['a', 'b', 'b', 'b'])
    expect([...(await s.outbox.waiting())]).toEqual([])
  })

  it('that refuses as well is no end: the first is asked again', async () => {
    const s = story(atOnce)
    const { first, second } = spill(s)
    second.answer = () => refuses('rejected', false)
    first.answer = (_notification, attempt) => (attempt < 4 ? refuses('unreachable') : ok)
    await s.start()
    s.fires('a')
    await s.after('2m')
    expect(texts(first)).toEqual(['a', 'a', 'a', 'a'])
    expect(texts(second)).toEqual(['a'])
    expect((await s.outbox.list(1))[0]).toMatchObject({ state: 'sent', reply: 'ok' })
  })

  it('keeps to its own quota, and one that is the same robot is none', async () => {
    const s = story(atOnce)
    const quota = { perMinute: 18, burst: 5, key: 'same' }
    const first = s.collector('oncall/robot[0]', { quota, spillTo: 'other' })
    const second = s.collector('other/robot[0]', { quota })
    first.answer = () => refuses('rejected', false)
    await s.start()
    s.fires('a')
    await s.after('1m')
    expect(texts(second)).toEqual([])
    expect((await s.outbox.list(1))[0]).toMatchObject({ state: 'given_up' })
  })
})

describe('a stop', () => {
  it('lets a send under way end, and starts no other', async () => {
    const s = story(atOnce)
    const to = s.collector()
    const dispatch = await s.start()
    to.answer = () => 'hang'
    s.fires('a')
    s.fires('b')
    await s.after('0s')
    const stopped = dispatch.stop()
    await s.after('2s')
    await stopped
    expect(to.received).toHaveLength(1)
    expect(s.clock.pending).toBe(0)
    to.answer = () => ok
    await s.start()
    await s.after('1s')
    expect(to.received.map((one) => one.notification.id)).toHaveLength(3)
    expect(to.received[1]?.notification.id).toBe(to.received[0]?.notification.id)
    expect(s.told()).toEqual(['00:00 first +a', '00:02 first +b'])
  })

  it('is idempotent', async () => {
    const s = story(atOnce)
    s.collector()
    const dispatch = await s.start()
    await dispatch.stop()
    await dispatch.stop()
    expect(s.clock.pending).toBe(0)
  })
})

describe('a kill', () => {
  const points: readonly Point[] = [
    'before:flush',
    'after:flush',
    'before:take',
    'after:take',
    'before:send',
    'after:send',
    'before:settle',
    'after:settle',
  ]
  const kills = points.flatMap((point) => [1, 2, 3].map((nth) => ({ point, nth })))

  it.each(kills)('$point (number $nth) loses nothing and tells nothing twice', async ({ point, nth }) => {
    const s = story(atOnce)
    const to = s.collector()
    let deaths = 0
    const live = async (duration: string): Promise<void> => {
      await s.after(duration)
      if (s.alive) return
      deaths++
      await s.start()
    }
    await s.start({ point, nth })
    s.fires('a')
    await live('10s')
    s.fires('b')
    await live('10s')
    s.resolves('a')
    await live('10s')
    await live('10m')
    expect(deaths).toBe(1)
    const messages = s.told().map((line) => line.slice(6))
    expect(messages.sort()).toEqual(['all_resolved -a', 'first +a', 'first +b'])
    const times = new Map<string, number>()
    for (const { notification } of to.received) times.set(notification.id, (times.get(notification.id) ?? 0) + 1)
    // Only a kill between sending and recording sends twice, and then under the same id.
    const doubtful = point === 'after:send' || point === 'before:settle'
    expect(Math.max(...times.values())).toBe(doubtful ? 2 : 1)
    expect([...(await s.outbox.waiting())]).toEqual([])
  })
})
