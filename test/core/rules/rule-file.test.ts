// Rule files as users write them, upstream's good and bad ones among them; every fault with its place, and no group from a faulty file.

import { existsSync, readFileSync } from 'node:fs'
import * as path from 'node:path'
import { describe, expect, it } from 'vitest'
import { parseExpression } from '../../../core/promql/expression.ts'
import { groupKey, ruleKey } from '../../../core/rules/rule.ts'
import { faultText, parseRuleFile, readRuleFile } from '../../../core/rules/rule-file.ts'

const upstream = path.resolve(import.meta.dirname, '../../../../shared/conformance')
const read = (text: string) => readRuleFile('r.yml', text, parseExpression)
const faults = (text: string) => read(text).faults.map(faultText)

describe('a rule file', () => {
  it('gives groups with their rules; group labels go to every rule, the rule’s own win', () => {
    const { groups, faults, warnings } = read(`
groups:
  - name: heat
    interval: 30s
    limit: 10
    query_offset: 1m
    labels: { team: core, severity: none }
    rules:
      - alert: Hot
        expr: temperature > 90
        for: 1h30m
        keep_firing_for: 5m
        labels: { severity: page }
        annotations: { summary: "{{ $labels.host }} is hot" }
      - record: temperature:max
        expr: max(temperature)
`)
    expect([faults, warnings]).toEqual([[], []])
    const [group] = groups
    expect(group).toMatchObject({ name: 'heat', file: 'r.yml', intervalMs: 30_000, queryOffsetMs: 60_000, limit: 10 })
    const [hot, max] = group!.rules
    expect(hot).toMatchObject({
      kind: 'alerting',
      name: 'Hot',
      forMs: 5_400_000,
      keepFiringForMs: 300_000,
      labels: { team: 'core', severity: 'page' },
      line: 9,
    })
    expect(max).toMatchObject({
      kind: 'recording',
      name: 'temperature:max',
      labels: { team: 'core', severity: 'none' },
    })
    expect(groupKey(group!)).toBe('r.yml;heat')
    expect(ruleKey(hot!)).not.toBe(ruleKey(max!))
  })

  it.each([
    '',
    '# nothing',
    'groups:',
    'groups: []',
    'groups: [{ name: g }]',
    'groups: [{ name: g, rules: }]',
  ])('may hold no rule at all: %j', (text) => {
    expect(read(text)).toMatchObject({ faults: [], warnings: [] })
    expect(read(text).groups.flatMap((group) => group.rules)).toEqual([])
  })

  it.each([
    ['groups: [', /^r\.yml:1:10: not valid YAML/],
    ['rules: []', /^r\.yml:1:1: field rules not found in rule file$/],
    ['groups: {}', /^r\.yml:1:9: groups: must be a list$/],
    ['groups: [{ rules: [] }]', /Groupname must not be empty/],
    ['groups: [{ name: g }, { name: g }]', /^r\.yml:1:23: groupname: "g" is repeated in the same file/],
    ['groups: [{ name: g, interval: 5 }]', /interval: not a valid duration: "5"/],
    ['groups: [{ name: g, limit: many }]', /limit: must be a whole number/],
    ['groups: [{ name: g, rules: [{ expr: "1" }] }]', /one of 'record' or 'alert' must be set/],
    ['groups: [{ name: g, rules: [{ record: a, alert: A, expr: "1" }] }]', /only one of 'record' and 'alert'/],
    ['groups: [{ name: g, rules: [{ alert: A }] }]', /field 'expr' must be set in rule/],
    ['groups: [{ name: g, rules: [{ alert: A, expr: "sum(" }] }]', /^r\.yml:1:52: could not parse expression: 1:5: /],
    [`groups: [{ name: g, rules: [{ record: 'a{b="c"}', expr: "1" }] }]`, /braces present in the recording rule name/],
    ['groups: [{ name: g, rules: [{ record: a, expr: "1", for: 5m }] }]', /invalid field 'for' in recording rule/],
    ['groups: [{ name: g, rules: [{ alert: A, expr: "1", for: soon }] }]', /for: not a valid duration: "soon"/],
    ['groups: [{ name: g, rules: [{ alert: A, expr: "1", labels: { "": x } }] }]', /invalid label name: /],
    ['groups: [{ name: g, labels: [a] }]', /labels: must be a mapping/],
    [
      'groups: [{ name: g, rules: [{ alert: A, expr: "1", no_data: ok }] }]',
      /no_data: must be one of keep, fire, resolve: "ok"/,
    ],
    [
      'groups: [{ name: g, rules: [{ record: a, expr: "1", no_data: keep }] }]',
      /invalid field 'no_data' in recording rule/,
    ],
    ['groups: [{ name: g, interval: "" }]', /interval: not a valid duration: ""/],
    [
      'groups: [{ name: g, rules: [{ alert: A, expr: "1", labels: { __name__: x } }] }]',
      /invalid label name: __name__/,
    ],
    [
      'groups: [{ name: g, rules: [{ alert: A, expr: "1", annotations: { a: "{{ nope }}" } }] }]',
      /annotations\.a: .*nope/,
    ],
    ['groups: [{ name: g, rules: [{ alert: A, expr: "1", forr: 5m }] }]', /field forr not found in rule/],
  ])('is refused with place and words: %s', (text, expected) => {
    expect(faults(text).join('\n')).toMatch(expected)
    expect(read(text).groups).toEqual([])
  })

  it.each([
    [
      'a time of nothing in a recording rule',
      'groups: [{ name: g, rules: [{ record: a, expr: 1, for: 0s, annotations: {} }] }]',
    ],
    ['a negative limit, which is none', 'groups: [{ name: g, limit: -1 }]'],
    [
      'any name of letters and signs',
      'groups: [{ name: g, rules: [{ record: "a b", expr: 1, labels: { "a-b": x } }] }]',
    ],
  ])('may hold %s', (_what, text) => {
    expect(faults(text)).toEqual([])
  })

  it('may name parts of it again, and merge them', () => {
    const { groups, faults } = read(`
groups:
  - name: g
    rules:
      - &hot
        alert: Hot
        expr: &expr |
          temperature
            > 90
        labels: &labels { severity: page, team: a }
      - { <<: *hot, alert: Hotter }
      - { record: hot, expr: *expr, labels: { <<: [*labels, { team: c, zone: z }], severity: none } }
`)
    expect(faults).toEqual([])
    const text = 'temperature\n  > 90\n'
    expect(groups[0]!.rules.map(({ name, labels, expression }) => [name, labels, expression.text])).toEqual([
      ['Hot', { severity: 'page', team: 'a' }, text],
      ['Hotter', { severity: 'page', team: 'a' }, text],
      ['hot', { severity: 'none', team: 'a', zone: 'z' }, text],
    ])
  })

  it('says where each character of an expression stands, however it is written', () => {
    const { groups, places } = read(`groups:
  - name: g
    rules:
      - { alert: A, expr: "a > 1" }
      - { alert: A, expr: 'a{b="it''s"} > 1' }
      - alert: A
        expr: |
          # what
          a

            > 1
      - alert: A
        expr: >-
          b +
          a > 1
      - alert: A
        expr: b
          + a > 1
`)
    const found = groups[0]!.rules.map((rule) => {
      const { line, column } = places.get(rule)!.expression(rule.expression.text.indexOf('>'))
      return `${line}:${column}`
    })
    expect(found).toEqual(['4:30', '5:41', '11:13', '15:13', '18:15'])
  })

  it('may say for a whole group what becomes of alerts without data, each rule winning', () => {
    const rules = '[{ alert: A, expr: a }, { alert: B, expr: a, no_data: fire }, { record: r, expr: a }]'
    const policies = (text: string) =>
      read(text).groups[0]!.rules.map((rule) => (rule.kind === 'alerting' ? rule.noData : '-'))
    expect(policies(`groups: [{ name: g, rules: ${rules} }]`)).toEqual(['keep', 'fire', '-'])
    expect(policies(`groups: [{ name: g, no_data: resolve, rules: ${rules} }]`)).toEqual(['resolve', 'fire', '-'])
  })

  it('passes over what nobody knows where that is asked for', () => {
    const text = 'owner: me\ngroups: [{ name: g, owner: me, rules: [{ alert: A, expr: 1, owner: me }] }]'
    expect(faults(text)).toHaveLength(3)
    expect(readRuleFile('r.yml', text, parseExpression, { ignoreUnknown: true }).faults).toEqual([])
  })

  it('that names its parts again without end is refused', () => {
    const labels = Array.from({ length: 1000 }, (_, i) => `l${i}: v`).join(', ')
    const rules = Array.from({ length: 250 }, () => '{ alert: A, expr: 1, labels: *l }').join(', ')
    const text = `groups: [{ name: g, labels: &l { ${labels} }, rules: [${rules}] }]`
    expect(faults(text).join()).toMatch(/more than 200000 fields in one file/)
  })

  it('is refused as a whole, with all its faults at once', () => {
    const text = 'groups:\n  - name: g\n    rules:\n      - alert: A\n      - record: b\n        expr: "+"\n'
    expect(faults(text).map((fault) => fault.split(':').slice(1, 3).join(':'))).toEqual(['4:9', '6:17'])
    expect(() => parseRuleFile('r.yml', text, parseExpression)).toThrow(/r\.yml:4:9: .*\nr\.yml:6:17: /)
  })

  it('that is too large is not even read', () => {
    expect(faults(`# ${'x'.repeat(5 << 20)}`)).toEqual(['r.yml:1:1: rule file is larger than 4194304 bytes'])
  })
})

describe('upstream’s rule files', () => {
  const good = [
    ...['alert_rule', 'alert_rule1', 'rules', 'rules1', 'rules2', 'rules2_copy', 'rules_chain', 'rules_dependencies'],
    ...['rules_indeterminates', 'rules_multi_doc', 'rules_multiple', 'rules_multiple_dependents_on_base'],
    ...['rules_multiple_groups', 'rules_multiple_independent'],
  ].map((name) => `rules/${name}.yaml`)
  good.push(
    ...['rules', 'rules_duplicates', 'prometheus-rules.lint', 'bad-rules-error', 'at-modifier', 'negative-offset'].map(
      (name) => `promtool/${name}.yml`,
    ),
  )
  const bad: readonly (readonly [string, RegExp])[] = [
    ['rules/invalid_rules.yaml', /:6:9: field unexpected_field not found in rule/],
    ['promtool/rules-bad.yml', /annotations\.summary: .*undefined variable "\$label"/],
    ['promtool/rules_extrafields.yml', /field namespace not found in group\n.*field ownership not found in group/],
    ['promtool/bad-rules-syntax.yml', /could not parse expression/],
  ]
  const load = (file: string) => readRuleFile(file, readFileSync(path.join(upstream, file), 'utf8'), parseExpression)

  it.skipIf(!existsSync(upstream)).each(good)('%s is taken', (file) => {
    const { groups, faults } = load(file)
    expect(faults).toEqual([])
    expect(groups.length).toBeGreaterThan(0)
  })

  it.skipIf(!existsSync(upstream)).each(bad)('%s is refused', (file, words) => {
    const { groups, faults } = load(file)
    expect(groups).toEqual([])
    expect(faults.map(faultText).join('\n')).toMatch(words)
  })

  it.skipIf(!existsSync(upstream))('with a second document gets a warning', () => {
    expect(load('rules/rules_multi_doc.yaml').warnings.map((one) => one.message)).toEqual([
      'only the first YAML document of a rule file is read',
    ])
  })
})
