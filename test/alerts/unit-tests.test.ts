// The unit tests that are shipped with the rules, as `inferward test rules` runs them: every alert is among them, and a rule that changes fails them.

import { readdirSync, readFileSync } from 'node:fs'
import * as path from 'node:path'
import { describe, expect, it } from 'vitest'
import { runUnitTests } from '../../core/rules/unit-test/run-test.ts'
import { readUnitTests } from '../../core/rules/unit-test/test-file.ts'
import { alertsFolder, rules } from './pack.ts'

const folder = path.join(alertsFolder, 'tests')
const tests = readdirSync(folder).filter((name) => name.endsWith('.yml'))
const textOf = (name: string): string => readFileSync(path.join(folder, name), 'utf8')
const run = (name: string, change: (text: string) => string = (text) => text) =>
  runUnitTests(name, textOf(name), {
    only: null,
    ruleFiles: (file) => [{ file, text: change(readFileSync(path.join(folder, file), 'utf8')) }],
  })

describe('the unit tests of the shipped rules', () => {
  it.each(tests)('%s hold', (name) => {
    const { passed, failures, skipped, warnings } = run(name)
    expect([failures, skipped, warnings]).toEqual([[], [], []])
    expect(passed).toBeGreaterThan(0)
  }, 120_000)

  it('see every alert fire', () => {
    const seen = tests.flatMap((name) =>
      readUnitTests(name, textOf(name)).tests.flatMap(({ alerts }) =>
        alerts.flatMap(({ alertname, expected }) => (expected.length > 0 ? [alertname] : [])),
      ),
    )
    expect([...new Set(seen)].sort()).toEqual(rules.map(({ rule }) => rule.name).sort())
  })

  it('fail where a rule waits longer than it should', () => {
    const { failures } = run('network.test.yml', (text) => text.replace(/for: 0s/g, 'for: 5m'))
    expect(failures.length).toBeGreaterThan(0)
  })
})
