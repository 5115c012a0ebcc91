// promtool on the same rule files and the same unit tests: both say the same of each.

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import * as path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseExpression } from '../../core/promql/expression.ts'
import { readRuleFile } from '../../core/rules/rule-file.ts'
import { runUnitTests } from '../../core/rules/unit-test/run-test.ts'
import { installed, promtool } from './prometheus-peer.ts'

const rule = (fields: string): string => `groups: [{ name: g, rules: [{ ${fields} }] }]`
const alert = (fields: string): string => rule(`alert: A, expr: up == 0, ${fields}`)
const record = (fields: string): string => rule(`record: a, expr: up, ${fields}`)

const files: readonly string[] = [
  ...['', '# nothing', 'groups:', 'groups: []', 'groups: {}', 'groups: [', 'rules: []', 'groups: [{}]', '[]', 'x'],
  ...['groups: [{ name: g }]', 'groups: [{ name: g }, { name: g }]', 'groups: [{ name: "" }]', 'groups: [null]'],
  ...['interval: 5', 'interval: 5s', 'interval: 0', 'interval: ""', 'interval: 1h30m', 'interval: 30m1h'].map(
    (field) => `groups: [{ name: g, ${field} }]`,
  ),
  ...['limit: 1', 'limit: -1', 'limit: x', 'rules:', 'rules: {}', 'rules: [null]', 'owner: me'].map(
    (field) => `groups: [{ name: g, ${field} }]`,
  ),
  ...['for: 5m', 'for: 5', 'for: 0s', 'for: -5m', 'for: 1.5m', 'keep_firing_for: 5m', 'forr: 5m', 'record: b'].map(
    alert,
  ),
  ...['labels: { a: b }', 'labels: { a: 1, b: true }', 'labels: { __name__: b }', 'labels: [a]', 'labels:'].map(alert),
  ...['labels: { a: [b] }', 'labels: { 1a: b }', 'labels: { a: "{{ nope }}" }', 'labels: { a: "{{ $value }}" }'].map(
    alert,
  ),
  ...['annotations: { a: "{{ $label.x }}" }', 'annotations: { a: "{{ $labels.x | nope }}" }'].map(alert),
  ...['annotations: { a: "{{ range query `up` }}{{ . }}{{ end }}" }', 'annotations: { a: "{{ if }}" }'].map(alert),
  ...['for: 0s', 'for: 5m', 'keep_firing_for: 1m', 'annotations: {}', 'annotations: { a: b }', 'labels: { a: b }'].map(
    record,
  ),
  ...[
    'record: "a{b}", expr: up',
    'record: a:b, expr: up',
    'record: 1a, expr: up',
    'expr: up',
    'record: a',
    'alert: A',
  ].map(rule),
  ...[
    'sum(',
    'rate(up)',
    'up[5m]',
    'up offset 5m',
    'sum by (a) (up)',
    '"x"',
    'up and',
    'topk(up)',
    'nope(up)',
    '1',
  ].map((expr) => rule(`alert: A, expr: ${JSON.stringify(expr)}`)),
  rule('alert: A, alert: B, expr: up'),
  'groups: [{ name: g, rules: [&a { alert: A, expr: &e up }, { <<: *a, alert: B }, { record: r, expr: *e }] }]',
  'groups: [{ name: g }]\n---\ngroups: [{ nam: g }]\n',
]

/** What promtool of today takes and the one of old, that is asked here, does not. */
const newer: ReadonlySet<string> = new Set([alert('labels: { 1a: b }'), rule('record: 1a, expr: up')])

describe.skipIf(!installed('promtool'))('promtool and we', () => {
  let folder: string
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'iw-verdicts-'))
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it.each(files.map((text) => ({ text })))('say the same of the rule file $text', async ({ text }) => {
    const file = path.join(folder, 'rules.yml')
    writeFileSync(file, text)
    const { status } = await promtool(['check', 'rules', file])
    const { faults } = readRuleFile(file, text, parseExpression)
    expect([faults.map(({ message }) => message), faults.length === 0]).toEqual([
      faults.map(({ message }) => message),
      newer.has(text) ? true : status === 0,
    ])
  })

  const shipped = path.resolve(import.meta.dirname, '../../alerts/tests')
  it.each(
    readdirSync(shipped).filter((name) => name.endsWith('.yml')),
  )('say the same of our unit tests %s', async (name) => {
    const file = path.join(shipped, name)
    const { status } = await promtool(['test', 'rules', file])
    const { failures } = runUnitTests(file, readFileSync(file, 'utf8'), {
      only: null,
      ruleFiles: (one) => [{ file: one, text: readFileSync(path.resolve(shipped, one), 'utf8') }],
    })
    expect([status, failures]).toEqual([0, []])
  })
})
