// Inhibition: which alert mutes which, as a table and against plain loops; then as stories, told as `when why +firing -resolved`.

import { describe, expect, it } from 'vitest'
import type { Alert } from '../../../server/alert/alert.ts'
import { openInhibition } from '../../../server/dispatch/inhibition.ts'
import type { LabelSet } from '../../../server/dispatch/matcher-text.ts'
import { random } from '../../helpers/random.ts'
import { alertOf, inhibitRulesOf, routeOf, story } from './story.ts'

const crashOverDown = `
  - source_matchers: [alertname=~"EngineCrashed|EngineHung"]
    target_matchers: [alertname="EngineDown"]
    equal: [host, engine]`

describe('an inhibit rule', () => {
  const warningOrMore = '[{ source_matchers: [severity="critical"], target_matchers: [severity=~"critical|warning"] }]'
  it.each([
    { what: 'equal labels', source: { alertname: 'EngineHung', host: 'a', engine: 'e' }, mutes: true },
    { what: 'another value', source: { alertname: 'EngineHung', host: 'b', engine: 'e' }, mutes: false },
    { what: 'a label missing on one side', source: { alertname: 'EngineHung', host: 'a' }, mutes: false },
    {
      what: 'a label missing on one side and empty on the other',
      source: { alertname: 'EngineHung', host: 'a' },
      target: { alertname: 'EngineDown', host: 'a', engine: '' },
      mutes: true,
    },
    {
      what: 'a label missing on both sides',
      source: { alertname: 'EngineHung', host: 'a' },
      target: { alertname: 'EngineDown', host: 'a' },
      mutes: true,
    },
    {
      what: 'values that only look alike side by side',
      source: { alertname: 'EngineHung', host: 'ab', engine: 'c' },
      target: { alertname: 'EngineDown', host: 'a', engine: 'bc' },
      mutes: false,
    },
    { what: 'a source that does not match', source: { alertname: 'Other', host: 'a', engine: 'e' }, mutes: false },
    {
      what: 'a source of one side over a target of both',
      rules: '[{ source_match: { team: ops }, target_match_re: { team: "ops|dev" } }]',
      source: { team: 'ops' },
      target: { team: 'dev' },
      mutes: true,
    },
    {
      what: 'two alerts that each match both sides',
      rules: warningOrMore,
      source: { severity: 'critical', n: '1' },
      target: { severity: 'critical', n: '2' },
      mutes: false,
    },
    {
      what: 'a source of both sides over a target of one',
      rules: warningOrMore,
      source: { severity: 'critical' },
      target: { severity: 'warning' },
      mutes: true,
    },
    {
      what: 'a rule that names nothing',
      rules: '[{}]',
      source: { severity: 'critical' },
      target: { severity: 'warning' },
      mutes: false,
    },
  ])('with $what: $mutes', ({ rules = crashOverDown, source, target, mutes }) => {
    const inhibition = openInhibition(inhibitRulesOf(rules))
    inhibition.take([alertOf('source', { labels: source as Record<string, string> })], 1000)
    const labels = (target ?? { alertname: 'EngineDown', host: 'a', engine: 'e' }) as LabelSet
    expect(inhibition.by(labels, 1000)?.source.fingerprint ?? null).toBe(mutes ? 'source' : null)
  })

  it('mutes while one of its sources fires, up to the end a source was posted with', () => {
    const inhibition = openInhibition(inhibitRulesOf(crashOverDown))
    const crash = alertOf('crash', { labels: { alertname: 'EngineCrashed' }, endsAt: 5000, updatedAt: 10 })
    const hang = alertOf('hang', { labels: { alertname: 'EngineHung' }, updatedAt: 10 })
    const down = { alertname: 'EngineDown' }
    inhibition.take([crash, hang], 1000)
    inhibition.take([{ ...hang, endsAt: 500, updatedAt: 5 }], 1000)
    expect(inhibition.by(down, 6000)?.source.fingerprint).toBe('hang')
    inhibition.take([{ ...hang, endsAt: 1500, updatedAt: 20 }, crash], 2000)
    expect(inhibition.by(down, 4999)?.source.fingerprint).toBe('crash')
    expect(inhibition.by(down, 5000)).toBeNull()
  })

  it('agrees with plain loops over every pair, through changes by seed', () => {
    const rules = inhibitRulesOf(`
      - { source_matchers: [kind="x"], target_matchers: [kind!="x"], equal: [a] }
      - { source_matchers: [a=~"1|2"], target_matchers: [b=~"1|2"], equal: [kind, b] }
      - { source_match: { b: "" }, target_match_re: { a: ".*" } }`)
    const seed = 20_261
    const draw = random(seed)
    const inhibition = openInhibition(rules)
    const alerts = new Map<string, Alert>()
    const counts = { muted: 0, free: 0 }
    for (let now = 1; now < 400; now++) {
      const labels = {
        kind: draw.pick(['x', 'y']),
        a: draw.pick(['', '1', '2', '3']),
        b: draw.pick(['', '1', '2', '3']),
      }
      const fingerprint = JSON.stringify(labels)
      const endsAt = draw.uniform() < 0.7 ? now - draw.integer(-30, 0) - 1 : null
      const changed = alertOf(fingerprint, { labels, endsAt, updatedAt: now })
      alerts.set(fingerprint, changed)
      inhibition.take([changed], now)
      for (const target of alerts.values()) {
        const expected = rules.some(({ source, target: targets, equal }) => {
          const is = (side: typeof source, one: LabelSet): boolean => side.every((matcher) => matcher.matches(one))
          const both = (one: LabelSet): boolean => is(source, one) && is(targets, one)
          return [...alerts.values()].some(
            (one) =>
              (one.endsAt === null || one.endsAt > now) &&
              is(source, one.labels) &&
              is(targets, target.labels) &&
              equal.every((name) => (one.labels[name] ?? '') === (target.labels[name] ?? '')) &&
              !(both(target.labels) && both(one.labels)),
          )
        })
        expect([inhibition.by(target.labels, now) !== null, `seed ${seed} at ${now}`]).toEqual([
          expected,
          `seed ${seed} at ${now}`,
        ])
        counts[expected ? 'muted' : 'free']++
      }
    }
    expect(Math.min(counts.muted, counts.free)).toBeGreaterThan(500)
  })

  it('asks its matchers once per alert, however often 20 000 alerts under 1 000 sources are looked at', () => {
    let asked = 0
    const rules = inhibitRulesOf(crashOverDown).map((rule) => ({
      ...rule,
      target: rule.target.map((one) => ({
        ...one,
        matches: (labels: LabelSet) => {
          asked++
          return one.matches(labels)
        },
      })),
    }))
    const inhibition = openInhibition(rules)
    const on = (alertname: string, host: number, n = 0): Alert =>
      alertOf(`${alertname} ${host} ${n}`, { labels: { alertname, host: `h${host}`, n: `${n}` } })
    inhibition.take(
      Array.from({ length: 1000 }, (_, host) => on('EngineCrashed', host)),
      0,
    )
    const targets = Array.from({ length: 20_000 }, (_, n) => on('EngineDown', n % 1000, n))
    for (let reading = 0; reading < 3; reading++) {
      expect(targets.filter((target) => inhibition.by(target.labels, 0) !== null)).toHaveLength(20_000)
    }
    expect(asked).toBe(21_000)
  })
})

describe('what is inhibited', () => {
  const route = '{receiver: oncall, group_by: [alertname], group_wait: 10s, group_interval: 5m, repeat_interval: 1h}'
  const where = { host: 'a', engine: 'e' }
  const staged = (text = route) => {
    const s = story(text, { inhibitRules: crashOverDown })
    const to = s.collector()
    const fires = (name: 'EngineCrashed' | 'EngineDown', labels = where): void => s.fires(name, labels)
    return { s, to, fires }
  }

  it('is not told while its cause fires, and is told at an interval after that when it still fires', async () => {
    const { s, fires } = staged()
    const dispatch = await s.start()
    fires('EngineCrashed')
    fires('EngineDown')
    await s.after('8m')
    expect(s.told()).toEqual(['00:10 first +EngineCrashed'])
    expect(dispatch.stats().decisions).toMatchObject({ first: 1, inhibited: 2 })
    s.resolves('EngineCrashed')
    await s.after('3m')
    expect(s.told().slice(1)).toEqual(['08:10 all_resolved -EngineCrashed', '10:10 first +EngineDown'])
  })

  it('is told of another engine at its time', async () => {
    const { s, fires } = staged()
    await s.start()
    fires('EngineCrashed')
    fires('EngineDown', { host: 'a', engine: 'other' })
    await s.after('1m')
    expect(s.told()).toEqual(['00:10 first +EngineCrashed', '00:10 first +EngineDown'])
  })

  it.each([
    ['the cause', ['EngineCrashed', 'EngineDown']],
    ['the consequence', ['EngineDown', 'EngineCrashed']],
  ])('stays quiet over restarts at any time, also when the store gives %s first', async (_, order) => {
    const { s } = staged('{receiver: oncall, group_by: [alertname], group_wait: 0s, group_interval: 1m}')
    const began = s.clock.now() - 3_600_000
    for (const alertname of order) {
      s.alerts.set(
        alertname,
        alertOf(alertname, { labels: { alertname, ...where }, startsAt: began, updatedAt: began }),
      )
    }
    for (const pause of ['0s', '1s', '30s', '61s', '3m']) {
      await s.start()
      await s.after(pause)
    }
    expect(s.told()).toEqual(['00:00 first +EngineCrashed'])
    s.resolves('EngineCrashed')
    await s.after('2m')
    expect(s.told().slice(1)).toEqual(['04:37 all_resolved -EngineCrashed', '05:32 first +EngineDown'])
  })

  it('ends without a word when nobody was told, and is news when it comes again', async () => {
    const { s, fires } = staged()
    const dispatch = await s.start()
    fires('EngineCrashed')
    fires('EngineDown')
    await s.after('1m')
    s.resolves('EngineDown')
    await s.after('10m')
    s.resolves('EngineCrashed')
    await s.after('10m')
    expect(s.told()).toEqual(['00:10 first +EngineCrashed', '11:10 all_resolved -EngineCrashed'])
    expect(dispatch.groups()).toEqual([])
    fires('EngineDown')
    await s.after('10s')
    expect(s.told().slice(2)).toEqual(['21:10 first +EngineDown'])
  })

  it('has its end told when its beginning was, though its cause still fires', async () => {
    const { s, fires } = staged()
    await s.start()
    fires('EngineDown')
    await s.after('1m')
    fires('EngineCrashed')
    await s.after('1m')
    s.resolves('EngineDown')
    await s.after('1m')
    expect(s.told()).toEqual([
      '00:10 first +EngineDown',
      '01:10 first +EngineCrashed',
      '02:10 all_resolved -EngineDown',
    ])
  })

  it('is still known to the people when the rest of its group changes', async () => {
    const { s, fires } = staged('{receiver: oncall, group_by: [team], group_wait: 10s, group_interval: 5m}')
    await s.start()
    fires('EngineDown')
    s.fires('Other')
    await s.after('1m')
    fires('EngineCrashed')
    await s.after('5m')
    s.resolves('EngineDown')
    await s.after('5m')
    expect(s.told()).toEqual([
      '00:10 first +EngineDown +Other',
      '05:10 new_firing +Other +EngineCrashed',
      '10:10 new_resolved +Other +EngineCrashed -EngineDown',
    ])
  })

  it('follows new rules at once after a reload, and explain names rule and cause', async () => {
    const { s, to, fires } = staged('{receiver: oncall, group_by: [alertname], group_wait: 0s, group_interval: 1m}')
    const dispatch = await s.start()
    fires('EngineCrashed')
    fires('EngineDown')
    await s.after('30s')
    const down = { alertname: 'EngineDown', ...where }
    expect(dispatch.explain(down).inhibitedBy).toEqual({
      rule: '{alertname=~"EngineCrashed|EngineHung"} inhibits {alertname="EngineDown"}',
      fingerprint: 'EngineCrashed',
      labels: { alertname: 'EngineCrashed', ...where },
    })
    dispatch.reload({ route: routeOf(route), inhibitRules: [], channels: [to.channel] })
    await s.after('1s')
    expect(dispatch.explain(down).inhibitedBy).toBeNull()
    expect(s.told()).toEqual(['00:00 first +EngineCrashed', '00:30 first +EngineDown'])
  })
})
