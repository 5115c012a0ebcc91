// The shipped rules: every one crossed and nearly crossed, and the files held to what they promise.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import * as path from 'node:path'
import { describe, expect, it } from 'vitest'
import { findMetric } from '../../core/sample/metric-catalogue.ts'
import { cases } from './cases.ts'
import { alertsFolder, files, readPack, ruleNamed, rules, run } from './pack.ts'

const severities = ['critical', 'warning', 'notice']
const languages = ['summary', 'summary_zh', 'description', 'description_zh'] as const

describe('the rule files', () => {
  it.each(files)('%s is read without a fault or a warning', (file) => {
    const { groups, faults, warnings } = readPack(file)
    expect([...faults, ...warnings]).toEqual([])
    expect(groups.length).toBeGreaterThan(0)
  })

  it('have a case for every rule, and a rule for every case', () => {
    expect(cases.map((one) => one.rule).sort()).toEqual(rules.map((one) => one.rule.name).sort())
    expect(cases.every((one) => one.nearly.length > 0)).toBe(true)
  })

  it('name every alert once, over all files', () => {
    const names = rules.map((one) => one.rule.name)
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([])
  })

  it('evaluate crashes every second and all else every 15 seconds', () => {
    for (const { group } of rules) expect(group.intervalMs, group.name).toBe(group.name === 'crash' ? 1000 : 15_000)
  })

  it.each(
    rules.map(({ rule, file }) => ({ name: rule.name, file, rule })),
  )('$name of $file: metrics of the catalogue, a severity, both languages, a runbook', ({ name, rule }) => {
    for (const { matchers } of rule.expression.selectors) {
      const metric = matchers.find((one) => one.name === '__name__')?.value
      if (metric === 'ALERTS') continue
      const entry = findMetric(metric ?? '')
      expect(entry, `${name} reads ${metric}`).toBeDefined()
      const known = ['__name__', 'host', 'engine', ...entry!.labels]
      for (const matcher of matchers)
        expect(known, `${name} asks ${metric} for ${matcher.name}`).toContain(matcher.name)
    }
    expect(severities).toContain(rule.labels.severity)
    for (const language of languages) expect(rule.annotations[language], language).toBeTruthy()
    for (const language of ['summary_zh', 'description_zh'])
      expect(rule.annotations[language]).toMatch(/\p{Script=Han}/u)
    expect(rule.annotations.runbook_url).toBe(`alerts/runbooks/${name}.md`)
    expect(existsSync(path.join(alertsFolder, 'runbooks', `${name}.md`)), `runbook of ${name}`).toBe(true)
  })

  it('take rates of counters only, and of every counter', () => {
    for (const { rule } of rules) {
      for (const [, metric = ''] of rule.expression.text.matchAll(/(?:rate|increase)\(\s*(\w+)/g)) {
        const entry = findMetric(metric)
        expect(entry?.type === 'counter' || entry?.type === 'histogram', `${rule.name}: rate of ${metric}`).toBe(true)
      }
      for (const [bare = ''] of rule.expression.text.matchAll(/\b(?:inferward|inference)_\w+/g)) {
        if (findMetric(bare)?.type !== 'counter') continue
        const taken = new RegExp(`(?:rate|increase)\\(\\s*${bare}\\b`).test(rule.expression.text)
        expect(taken, `${rule.name}: ${bare} as it stands`).toBe(true)
      }
    }
  })
})

describe('every rule', () => {
  it.each(
    cases.map((one) => ({ ...one, file: ruleNamed(one.rule).file })),
  )('$rule fires at exactly $firesAt s, says it in both languages, and ends when it should', ({
    rule,
    crosses,
    step = 1,
    firesAt,
    resolvesAt,
    labels,
    says,
  }) => {
    const told = run(ruleNamed(rule).group, crosses, step).filter((one) => one.rule === rule)
    const firing = told.filter((one) => one.state === 'firing')
    expect(firing.map((one) => one.seconds)).toEqual([firesAt])
    expect(told.filter((one) => one.state === 'resolved').map((one) => one.seconds)).toEqual(
      resolvesAt === undefined ? [] : [resolvesAt],
    )
    const [alert] = firing
    expect(alert!.labels).toEqual({ ...labels, alertname: rule, severity: ruleNamed(rule).rule.labels.severity })
    expect(alert!.annotations.summary).toBe(says)
    for (const language of languages) {
      const text = alert!.annotations[language]!
      expect(text).not.toMatch(/<no value>|\{\{|\}\}|undefined|NaN|\(\)| {2}|^ | $/)
      // The place is named in each of them.
      for (const value of [labels.host, labels.engine]) if (value !== undefined) expect(text).toContain(value)
    }
  })

  it.each(
    cases.flatMap(({ rule, step = 1, nearly }) =>
      nearly.map((series, index) => ({ rule, step, series, nth: index + 1 })),
    ),
  )('$rule keeps quiet where it is only nearly crossed ($nth)', ({ rule, step, series }) => {
    const told = run(ruleNamed(rule).group, series, step).filter((one) => one.rule === rule)
    expect(told.filter((one) => one.state === 'firing')).toEqual([])
  })
})

describe('the alert of a crash', () => {
  const exits = (values: string): string =>
    `inferward_engine_exits_total{host="gpu-1",engine="default",cause="killed"} ${values}`
  const up = (values: string): string => `inferward_engine_up{host="gpu-1",engine="default"} ${values}`
  const crashed = (...series: string[]): readonly string[] =>
    run(ruleNamed('EngineCrashed').group, series, 1)
      .filter((one) => one.rule === 'EngineCrashed')
      .map((one) => `${one.seconds} ${one.state}`)

  it('ends within a minute of serving again, also after a restart of a second', () => {
    expect(crashed(exits('0x10 1x100'), up('1x10 0x1 1x98'))).toEqual(['11 firing', '40 resolved'])
  })

  it('stays while the engine is down, far past every window, and ends at the first evaluation after it serves', () => {
    expect(crashed(exits('0x10 1x1600'), up('1x10 0x1500 1x99'))).toEqual(['11 firing', '1512 resolved'])
  })

  it('is one alert through a crash loop', () => {
    expect(crashed(exits('0x10 1x9 2x9 3x90'), up('1x10 0 0 1x7 0 0 1x7 0x20 1x70'))).toEqual([
      '11 firing',
      '60 resolved',
    ])
  })

  it('does not end because the agent is silent for minutes, nor because its counters begin again', () => {
    expect(crashed(exits('0x10 1x40 _x120 0x100'), up('1x10 0x40 _x120 0x50 1x49'))).toEqual([
      '11 firing',
      '223 resolved',
    ])
  })

  it.each([
    { rule: 'EngineCrashed', cause: 'killed', away: 120 },
    { rule: 'EngineHung', cause: 'hung', away: 120 },
    { rule: 'EngineLoadFailed', cause: 'load_failed', away: 120 },
    { rule: 'EngineCrashed', cause: 'killed', away: 660 },
  ])('$rule of $away s ago, while the server was away, is told if the engine is still down', (one) => {
    const count = `inferward_engine_exits_total{host="gpu-1",engine="default",cause="${one.cause}"} 0x10 1x720`
    const cause = `inferward_engine_down_cause{host="gpu-1",engine="default",cause="${one.cause}"} 0x10 1x720`
    const found = run(ruleNamed(one.rule).group, [count, cause, up('1x10 0x720')], 1, one.away)
    const firing = found.filter((told) => told.state === 'firing').map((told) => `${told.rule} ${told.seconds}`)
    expect(firing).toEqual([`${one.rule} ${one.away}`, `EngineDown ${one.away + 30}`])
  })

  it.each([
    { first: 'killed', second: 'hung', told: ['EngineCrashed killed 11', 'EngineHung hung 121'] },
    { first: 'hung', second: 'killed', told: ['EngineHung hung 11', 'EngineCrashed killed 121'] },
    { first: 'load_failed', second: 'crashed', told: ['EngineLoadFailed  11', 'EngineCrashed crashed 121'] },
    { first: 'killed', second: 'crashed', told: ['EngineCrashed killed 11', 'EngineCrashed crashed 121'] },
    { first: 'killed', second: 'killed', told: ['EngineCrashed killed 11', 'EngineCrashed killed 121'] },
  ])('of an outage by $second two minutes after one by $first pages for the new cause alone', ({
    first,
    second,
    told,
  }) => {
    const of = (cause: string, values: (at: number) => number): readonly string[] => {
      const row = Array.from({ length: 241 }, (_, at) => values(at)).join(' ')
      return [`{host="gpu-1",engine="default",cause="${cause}"} ${row}`]
    }
    const series = [...new Set([first, second])].flatMap((cause) => {
      const starts = [...(cause === first ? [11] : []), ...(cause === second ? [121] : [])]
      const past = (at: number): readonly number[] => starts.filter((start) => at >= start)
      return [
        ...of(cause, (at) => past(at).length).map((row) => `inferward_engine_exits_total${row}`),
        ...of(cause, (at) => past(at).filter((start) => at < start + 20).length).map(
          (row) => `inferward_engine_down_cause${row}`,
        ),
      ]
    })
    const found = run(ruleNamed('EngineCrashed').group, [...series, up('1x10 0x19 1x89 0x19 1x99')], 1)
    expect(
      found
        .filter((one) => one.state === 'firing')
        .map((one) => `${one.rule} ${one.labels.cause ?? ''} ${one.seconds}`),
    ).toEqual(told)
  })

  it('tells the causes of two engines apart', () => {
    const told = run(
      ruleNamed('EngineCrashed').group,
      [
        exits('0x10 1x40'),
        up('1x50'),
        'inferward_engine_exits_total{host="gpu-2",engine="default",cause="out_of_memory"} 0x20 1x30',
        'inferward_engine_up{host="gpu-2",engine="default"} 1x50',
      ],
      1,
    )
    expect(
      told.filter((one) => one.state === 'firing').map((one) => [one.seconds, one.labels.host, one.labels.cause]),
    ).toEqual([
      [11, 'gpu-1', 'killed'],
      [21, 'gpu-2', 'out_of_memory'],
    ])
  })
})

describe('the runbooks', () => {
  const folder = path.join(alertsFolder, 'runbooks')
  const names = readdirSync(folder).map((file) => file.replace(/\.md$/, ''))

  it('belong to a rule each', () => {
    const ofObjectives = ['ErrorBudgetBurn', 'ErrorBudgetSpent']
    expect(names.sort()).toEqual([...rules.map((one) => one.rule.name), ...ofObjectives].sort())
  })

  it.each(names)('%s says in both languages what it means, where to look first, why, and what to do', (name) => {
    const text = readFileSync(path.join(folder, `${name}.md`), 'utf8')
    const [english = '', chinese = ''] = text.split('\n## 中文\n')
    expect(english).toMatch(new RegExp(`^# ${name}\n`))
    for (const heading of ['First look', 'Likely causes', 'What Inferward has done', 'What to do'])
      expect(english, heading).toContain(`\n## ${heading}\n`)
    for (const heading of ['先看', '可能原因', 'Inferward 已做的事', '怎么办'])
      expect(chinese, heading).toContain(`\n### ${heading}\n`)
    expect(english).not.toMatch(/\p{Script=Han}/u)
    // A command to type, the same in both halves.
    const commands = (half: string): readonly string[] =>
      [...half.matchAll(/```sh\n([^`]+)```/g)].map(([, body]) => body!)
    expect(commands(english).join('')).toMatch(/inferward |curl |nvidia-smi|journalctl|df |free /)
    expect(commands(chinese)).toEqual(commands(english))
  })
})
