// Which rules agents may work out: what the packs give, and why a rule stays with the server.

import { readFileSync } from 'node:fs'
import * as path from 'node:path'
import { describe, expect, it } from 'vitest'
import { parseExpression } from '../../../core/promql/expression.ts'
import { hostLocality } from '../../../core/rules/host-local.ts'
import { parseRuleFile } from '../../../core/rules/rule-file.ts'

const alerts = path.resolve(import.meta.dirname, '../../../alerts')
const localityIn = (text: string, file = 'r.yml') => hostLocality(parseRuleFile(file, text, parseExpression))
const pack = (name: string) => localityIn(readFileSync(path.join(alerts, name), 'utf8'), name)

type Rule = { alert?: string; record?: string; expr: string; labels?: object; annotations?: object; no_data?: string }
const file = (rules: readonly Rule[], more: object = {}): string =>
  JSON.stringify({ groups: [{ name: 'g', ...more, rules }] })
const up = 'inferward_engine_up == 0'

describe('a host-local rule', () => {
  it('is every rule of the default pack but those over long windows and those about fleet and server', () => {
    const central = pack('default.yml').filter((one) => one.reason !== null)
    expect(central.map(({ rule }) => rule.name)).toEqual([
      'ErrorBudgetBurnsFast',
      'ErrorBudgetBurnsSlowly',
      'AgentSilent',
      'ServerRefusesSamples',
      'ServerGetsMalformedInput',
      'ServerRefusesAgents',
      'ServerStoresNothing',
      'RuleLostItsData',
      'RuleFailing',
    ])
  })

  it.each(['gpu', 'latency', 'memory', 'network'])('is every rule of the preset %s', (name) => {
    const found = pack(`presets/${name}.yml`)
    expect(found.length).toBeGreaterThan(0)
    expect(found.filter((one) => one.reason !== null)).toEqual([])
  })

  const cases: readonly {
    what: string
    rules: readonly Rule[]
    group?: object
    reasons: readonly (string | null)[]
  }[] = [
    {
      what: 'reads its own alerts',
      rules: [{ alert: 'A', expr: `${up} or ALERTS{alertname="A"}` }],
      reasons: [null],
    },
    {
      what: 'reads no alerts of others',
      rules: [{ alert: 'A', expr: 'ALERTS{alertname="B"}' }],
      reasons: ['ALERTS of other rules may be of the server'],
    },
    {
      what: 'reads no alerts that another rule gives as well',
      rules: [
        { alert: 'A', expr: 'ALERTS{alertname="A"}' },
        { alert: 'A', expr: up },
      ],
      reasons: ['there is another rule "A"', 'a rule of the same name or query stays with the server'],
    },
    {
      what: 'reads nothing that comes from elsewhere',
      rules: [{ alert: 'A', expr: 'node_load1 > 5' }],
      reasons: ['node_load1 is not of the agents'],
    },
    {
      what: 'names its metrics',
      rules: [{ alert: 'A', expr: '{__name__=~"inferward_engine_.*"} > 5' }],
      reasons: ['a selector of it has no metric name'],
    },
    { what: 'records nothing', rules: [{ record: 'r', expr: up }], reasons: ['what it records is read by others'] },
    {
      what: 'does not fire where data is missing',
      rules: [{ alert: 'A', expr: up, no_data: 'fire' }],
      reasons: ['it fires where data is missing'],
    },
    {
      what: 'does not name another host',
      rules: [{ alert: 'A', expr: up, labels: { host: 'x' } }],
      reasons: ['it sets the label "host"'],
    },
    {
      what: 'is in no group with a limit',
      rules: [{ alert: 'A', expr: up }],
      group: { limit: 3 },
      reasons: ['the limit of its group counts the alerts of all hosts'],
    },
    {
      what: 'asks nothing in its texts, nor does another rule ask its query',
      rules: [
        { alert: 'A', expr: up },
        { alert: 'B', expr: 'inferward_host_load1 > 1', annotations: { of: `{{ query "${up}" | len }}` } },
        { alert: 'C', expr: 'inferward_host_load1 > 2', annotations: { of: 'a query of nobody' } },
      ],
      reasons: ['a template asks the same query', 'a template of it asks queries', null],
    },
    {
      what: 'shares its query with host-local rules only',
      rules: [
        { alert: 'A', expr: up },
        { alert: 'B', expr: up, labels: { host: 'x' } },
      ],
      reasons: ['a rule of the same name or query stays with the server', 'it sets the label "host"'],
    },
  ]
  it.each(cases)('$what', ({ rules, group, reasons }) => {
    expect(localityIn(file(rules, group)).map((one) => one.reason)).toEqual(reasons)
  })
})
