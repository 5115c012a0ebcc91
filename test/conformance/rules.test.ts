// Prometheus' own rule files and rule unit tests, read where they lie, and the runner's own honesty.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import * as path from 'node:path'
import { describe, expect, it } from 'vitest'
import { runRuleFile } from './rules-run.ts'

const upstream = path.resolve(import.meta.dirname, '../../../shared/conformance')
const files = ['rules', 'promtool'].flatMap((name) => {
  const folder = path.join(upstream, name)
  return existsSync(folder) ? readdirSync(folder).map((file) => ({ folder, file })) : []
})

describe.skipIf(files.length === 0)('the rule files and unit tests of Prometheus', () => {
  it.each(files)('$file gets the verdict of upstream', ({ folder, file }) => {
    const { passed, failed, skipped } = runRuleFile(
      file,
      readFileSync(path.join(folder, file), 'utf8'),
      path.join(folder, file),
    )
    expect(failed).toEqual([])
    expect(passed).toBeGreaterThan(0)
    expect(skipped.filter((text) => !text.endsWith('(native histograms are not kept)'))).toEqual([])
  })
})

describe('the runner of rule files', () => {
  const good = 'groups: [{ name: g, rules: [{ record: a, expr: "1" }] }]'
  it.each([
    ['a good file that is refused', 'one.yml', 'groups: [', /refused: /],
    ['a bad file that is taken', 'bad-one.yml', good, /taken, and must be refused/],
    ['another reason', 'noexpr.bad.yaml', 'groups: [', /refused for another reason/],
    ['a lint that does not come', 'rules_duplicates.yml', good, /no lint duplicate-rules/],
    ['a test that fails', 'one.yml', 'tests: [{ promql_expr_test: [{ expr: "1" }] }]', /refused: 1/],
  ])('sees %s', (_what, name, text, words) => {
    expect(runRuleFile(name, text, '/f').failed.join()).toMatch(words)
  })

  it('passes what agrees', () => {
    expect(runRuleFile('one.yml', good, '/f')).toEqual({ passed: 1, failed: [], skipped: [] })
  })
})
