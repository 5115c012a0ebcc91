// Stories of alerts becoming messages, told as `when why +firing -resolved`, on a clock that stands still between the lines.

import { describe, expect, it } from 'vitest'
import { alertOf, routeOf, story } from './story.ts'

const byName = '{receiver: oncall, group_by: [cluster], group_wait: 30s, group_interval: 5m, repeat_interval: 1h}'
const atOnce = '{receiver: oncall, group_by: [cluster], group_wait: 0s, group_interval: 5m, repeat_interval: 1h}'

describe('a group', () => {
  it('waits group_wait, then tells all alerts that came in the meantime in one message', async () => {
    const s = story(byName)
    const to = s.collector()
    await s.start()
    s.fires('a')
    await s.after('10s')
    s.fires('b')
    await s.after('19s')
    expect(s.told()).toEqual([])
    await s.after('1s')
    expect(s.told()).toEqual(['00:30 first +a +b'])
    expect(to.received[0]?.notification).toMatchObject({
      receiver: 'oncall',
      groupKey: '{}:{}',
      status: 'firing',
      commonLabels: {},
      externalUrl: 'http://localhost:9700',
    })
  })

  it('is one per set of grouping labels; a label that is missing groups too', async () => {
    const s = story(byName)
    const to = s.collector()
    await s.start()
    s.fires('a', { cluster: 'x' })
    s.fires('b', { cluster: 'y' })
    s.fires('c')
    s.fires('d', { cluster: 'x', engine: 'e' })
    await s.after('30s')
    expect(s.told()).toEqual(['00:30 first +a +d', '00:30 first +b', '00:30 first +c'])
    expect(to.received.map((one) => one.notification.groupKey)).toEqual([
      '{}:{cluster="x"}',
      '{}:{cluster="y"}',
      '{}:{}',
    ])
    expect(to.received[0]?.notification).toMatchObject({
      groupLabels: { cluster: 'x' },
      commonLabels: { cluster: 'x' },
    })
  })

  it('with group_by: [...] is one per alert', async () => {
    const s = story('{receiver: oncall, group_by: ["..."], group_wait: 0s}')
    s.collector()
    await s.start()
    s.fires('a', { cluster: 'x' })
    s.fires('b', { cluster: 'x' })
    await s.after('0s')
    expect(s.told()).toEqual(['00:00 first +a', '00:00 first +b'])
  })

  it('with group_wait: 0s is told in the turn of the alert', async () => {
    const s = story(atOnce)
    const to = s.collector()
    await s.start()
    s.fires('a')
    for (let turn = 0; turn < 30; turn++) await Promise.resolve()
    expect(to.received).toHaveLength(1)
  })

  it('does not wait for an alert that is older than group_wait', async () => {
    const s = story(byName)
    s.collector()
    await s.start()
    s.fires('a')
    await s.after('5s')
    s.fires('b', {}, { startsAt: s.clock.now() - 30_000 })
    await s.after('0s')
    expect(s.told()).toEqual(['00:05 first +b +a'])
  })

  it('tells a new alert at the next interval, and repeats only when repeat_interval is over', async () => {
    const s = story(byName)
    s.collector()
    await s.start()
    s.fires('a')
    await s.after('1m')
    s.fires('b')
    await s.after('4m')
    expect(s.told()).toEqual(['00:30 first +a'])
    await s.after('30s')
    expect(s.told()).toEqual(['00:30 first +a', '05:30 new_firing +a +b'])
    await s.after('2h')
    expect(s.told().slice(2)).toEqual(['65:30 repeat +a +b', '125:30 repeat +a +b'])
  })

  it('tells that one of its alerts ended while another fires, at the next interval', async () => {
    const s = story(byName)
    s.collector()
    await s.start()
    s.fires('a')
    s.fires('b')
    await s.after('1m')
    s.resolves('a')
    await s.after('5m')
    s.resolves('b')
    await s.after('1h')
    expect(s.told()).toEqual(['00:30 first +a +b', '05:30 new_resolved +b -a', '06:30 all_resolved -b'])
  })

  it('never tells the end of an alert that nobody was told of', async () => {
    const s = story(byName)
    s.collector()
    const dispatch = await s.start()
    s.fires('a')
    await s.after('10s')
    s.resolves('a')
    await s.after('1h')
    expect(s.told()).toEqual([])
    expect(dispatch.groups()).toEqual([])
    s.fires('b')
    await s.after('1m')
    s.fires('c')
    await s.after('10s')
    s.resolves('c')
    await s.after('10m')
    s.resolves('b')
    await s.after('10m')
    expect(s.told()).toEqual(['60:40 first +b', '71:50 all_resolved -b'])
  })

  it('is forgotten once it has recovered, and is first again later', async () => {
    const s = story(byName)
    s.collector()
    const dispatch = await s.start()
    s.fires('a')
    await s.after('1m')
    s.resolves('a')
    await s.after('1m')
    expect(dispatch.groups()).toEqual([])
    await s.after('10m')
    s.fires('a')
    await s.after('1m')
    expect(s.told()).toEqual(['00:30 first +a', '01:30 all_resolved -a', '12:30 first +a'])
  })

  it('with send_resolved: false says nothing of recoveries, but knows of them', async () => {
    const s = story(byName)
    const to = s.collector('oncall/memory[0]', { sendResolved: false })
    await s.start()
    s.fires('a')
    s.fires('b')
    await s.after('1m')
    s.resolves('a')
    await s.after('5m')
    s.fires('a')
    await s.after('5m')
    s.resolves('a', 'b')
    await s.after('20m')
    s.fires('b')
    await s.after('1m')
    expect(s.told()).toEqual(['00:30 first +a +b', '10:30 new_firing +b +a', '31:30 first +b'])
    expect(to.received.every((one) => one.notification.status === 'firing')).toBe(true)
  })

  it('ends when an alert reaches the end it was posted with', async () => {
    const s = story(atOnce)
    s.collector()
    await s.start()
    s.fires('a', {}, { endsAt: s.clock.now() + 60_000 })
    await s.after('10m')
    expect(s.told()).toEqual(['00:00 first +a', '01:05 all_resolved -a'])
  })
})

describe('recoveries do not wait', () => {
  it('a group that has recovered says so after resolve_wait, not at its next interval', async () => {
    const s = story(atOnce)
    s.collector()
    await s.start()
    s.fires('a')
    await s.after('20s')
    s.resolves('a')
    await s.after('5s')
    expect(s.told()).toEqual(['00:00 first +a', '00:25 all_resolved -a'])
  })

  it('resolve_wait: 0s tells it in the same turn', async () => {
    const s = story('{receiver: oncall, group_wait: 0s, resolve_wait: 0s}')
    const to = s.collector()
    await s.start()
    s.fires('a')
    await s.after('20s')
    s.resolves('a')
    for (let turn = 0; turn < 30; turn++) await Promise.resolve()
    expect(to.received).toHaveLength(2)
  })

  it('an alert that comes back within resolve_wait was never away', async () => {
    const s = story(atOnce)
    s.collector()
    await s.start()
    s.fires('a')
    await s.after('20s')
    s.resolves('a')
    await s.after('4s')
    s.fires('a')
    await s.after('20m')
    expect(s.told()).toEqual(['00:00 first +a'])
  })

  it('an alert that flaps gets a firing message once a group_interval at most, also over restarts', async () => {
    const s = story(atOnce)
    const to = s.collector()
    await s.start()
    for (let n = 0; n < 60; n++) {
      s.fires('a')
      await s.after('20s')
      s.resolves('a')
      await s.after('10s')
      if (n % 7 === 0) await s.start()
    }
    const firing = to.received.filter((one) => one.notification.status === 'firing').map((one) => one.at)
    expect(firing.length).toBeGreaterThanOrEqual(6)
    firing.slice(1).forEach((at, index) => void expect(at - firing[index]!).toBeGreaterThanOrEqual(300_000))
    const resolved = to.received.filter((one) => one.notification.status === 'resolved')
    expect(resolved).toHaveLength(firing.length)
  })
})

describe('what is held back', () => {
  it('after a restart goes at its time, with the recoveries that travel with it', async () => {
    const s = story(atOnce)
    s.collector()
    await s.start()
    const began = s.clock.now()
    for (const name of ['a', 'b']) s.alerts.set(name, alertOf(name, { startsAt: began, updatedAt: began }))
    await s.start()
    await s.after('10s')
    s.resolves('b')
    s.fires('c')
    await s.after('10s')
    await s.start()
    await s.after('1m')
    expect(s.told()).toEqual(['00:00 first +a +b'])
    await s.after('4m')
    expect(s.told()).toEqual(['00:00 first +a +b', '05:00 new_firing +a +c -b'])
  })

  it('is an older state of an alert that comes late', async () => {
    const s = story(atOnce)
    s.collector()
    const dispatch = await s.start()
    s.fires('a')
    await s.after('10s')
    s.fires('a', {}, { updatedAt: s.clock.now() - 60_000, endsAt: s.clock.now() - 60_000 })
    await s.after('1m')
    expect(s.told()).toEqual(['00:00 first +a'])
    expect(dispatch.groups()[0]?.alerts[0]?.endsAt).toBeNull()
  })
})

describe('routes', () => {
  const tree = `
    receiver: default
    group_by: [alertname]
    group_wait: 0s
    routes:
      - { matchers: [severity="critical"], receiver: oncall, continue: true }
      - { matchers: [team="serving"], receiver: team, group_by: [team] }`

  it('an alert goes to every route that takes it, grouped and told on its own', async () => {
    const s = story(tree)
    const [oncall, team, other] = ['oncall/m[0]', 'team/m[0]', 'default/m[0]'].map((name) => s.collector(name))
    await s.start()
    s.fires('a', { severity: 'critical', team: 'serving' })
    s.fires('b', { severity: 'warning' })
    await s.after('0s')
    expect([s.told(oncall), s.told(team), s.told(other)]).toEqual([
      ['00:00 first +a'],
      ['00:00 first +a'],
      ['00:00 first +b'],
    ])
    expect(oncall?.received[0]?.notification.groupKey).toBe('{}/{severity="critical"}:{alertname="a"}')
    expect(team?.received[0]?.notification.groupKey).toBe('{}/{team="serving"}:{team="serving"}')
  })

  it('every channel of a receiver is told, each by its own log', async () => {
    const s = story(byName)
    const one = s.collector('oncall/m[0]')
    await s.start()
    s.fires('a')
    await s.after('30s')
    const two = s.collector('oncall/m[1]')
    await s.start()
    await s.after('1m')
    expect(s.told(one)).toEqual(['00:30 first +a'])
    expect(s.told(two)).toEqual(['00:30 first +a'])
  })

  it('a reload keeps what was told, tells what is new to a new receiver, and loses no recovery', async () => {
    const s = story(byName)
    const one = s.collector('oncall/m[0]')
    const two = s.collector('other/m[0]')
    const dispatch = await s.start()
    s.fires('a')
    await s.after('30s')
    dispatch.reload({ route: routeOf(byName), inhibitRules: [], channels: [one.channel, two.channel] })
    await s.after('10m')
    expect(s.told(one)).toEqual(['00:30 first +a'])
    dispatch.reload({
      route: routeOf(byName.replace('oncall', 'other')),
      inhibitRules: [],
      channels: [one.channel, two.channel],
    })
    await s.after('1s')
    expect(s.told(two)).toEqual(['10:30 first +a'])
    s.resolves('a')
    s.alerts.clear()
    dispatch.reload({
      route: routeOf(byName.replace('oncall', 'other')),
      inhibitRules: [],
      channels: [one.channel, two.channel],
    })
    await s.after('10m')
    expect(s.told(two)).toEqual(['10:30 first +a', '10:31 all_resolved -a'])
  })

  it('explains where an alert goes and why', async () => {
    const s = story(tree)
    s.collector('team/m[0]')
    const dispatch = await s.start()
    const explanation = dispatch.explain({ alertname: 'x', team: 'serving' })
    expect(explanation.steps).toEqual([
      { route: '{}', receiver: 'default', result: 'passed', missed: '' },
      { route: '{}/{severity="critical"}', receiver: 'oncall', result: 'missed', missed: 'severity="critical"' },
      { route: '{}/{team="serving"}', receiver: 'team', result: 'taken', missed: '' },
    ])
    expect(explanation.targets).toMatchObject([
      {
        receiver: 'team',
        channels: ['team/m[0]'],
        groupKey: '{}/{team="serving"}:{team="serving"}',
        resolveWaitMs: 5000,
      },
    ])
  })
})

describe('what cannot be done now', () => {
  it('a flush that fails is tried again, and nothing is lost', async () => {
    const s = story(atOnce)
    s.collector()
    const real = s.outbox.flush
    let broken = 3
    ;(s.outbox as { flush: typeof real }).flush = async (...all) => {
      if (broken-- > 0) throw new Error('the database is away')
      return real(...all)
    }
    const dispatch = await s.start()
    s.fires('a')
    await s.after('10s')
    expect(s.told()).toEqual(['00:07 first +a'])
    expect(dispatch.stats()).toMatchObject({ flushes: 4, flushFailures: 3, decisions: { first: 1 } })
  })

  it('a thousand groups at once ask the database for four things at a time, and all are told', async () => {
    const s = story('{receiver: oncall, group_by: ["..."], group_wait: 0s}')
    s.collector()
    const real = s.outbox.flush
    let open = 0
    let most = 0
    ;(s.outbox as { flush: typeof real }).flush = async (...all) => {
      most = Math.max(most, ++open)
      await s.clock.sleep(1)
      open--
      return real(...all)
    }
    for (let n = 0; n < 1000; n++) s.fires(`alert ${n}`)
    await s.start()
    await s.after('1s')
    expect(s.told()).toHaveLength(1000)
    expect(most).toBe(4)
  })

  it('groups, decisions and rows are counted', async () => {
    const s = story(atOnce)
    const to = s.collector('oncall/memory[0]')
    to.answer = () => 'hang'
    const dispatch = await s.start()
    s.fires('a', { cluster: 'x' })
    s.fires('b', { cluster: 'y' })
    await s.after('5m')
    expect(dispatch.groups().map((group) => [group.key, group.dueInMs])).toEqual([
      ['{}:{cluster="x"}', 300_000],
      ['{}:{cluster="y"}', 300_000],
    ])
    expect(dispatch.stats()).toMatchObject({
      groups: 2,
      flushes: 4,
      decisions: { first: 2, nothing: 2 },
      waiting: [{ channel: 'oncall/memory[0]', rows: 2 }],
    })
  })
})
