// Prometheus' own test scripts, read where they lie. Where the folder is absent the suite is skipped by name.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import * as path from 'node:path'
import { describe, expect, it } from 'vitest'
import { runScript } from './promql-run.ts'

const folder = path.resolve(import.meta.dirname, '../../../shared/conformance/promqltest')
const files = existsSync(folder) ? readdirSync(folder).filter((file) => file.endsWith('.test')) : []

describe.skipIf(files.length === 0)('the test scripts of Prometheus', () => {
  it.each(files)('%s agrees in every evaluation that needs no native histogram', (file) => {
    const { passed, queries, failed, skipped } = runScript(file, readFileSync(path.join(folder, file), 'utf8'))
    console.log(`${file}: ${passed} evaluations passed by ${queries} queries, ${skipped.length} skipped`)
    expect(failed).toEqual([])
    expect(passed).toBeGreaterThan(0)
    expect(skipped.filter((text) => !/\((?:native histograms|start timestamps)\)$/.test(text))).toEqual([])
  })
})

describe('the runner of scripts', () => {
  const script = (body: string): string => `load 1m\n  m{a="x"} 0+1x10\n  m{a="y"} 5x10\n\n${body}\n`

  it('passes what agrees, and counts the queries asked for it', () => {
    const report = runScript('s', script('eval instant at 3m m\n  m{a="x"} 3\n  m{a="y"} 5'))
    expect(report).toMatchObject({ passed: 1, failed: [], skipped: [] })
    // Itself and five moments with @, each of them also as a range query.
    expect(report.queries).toBe(12)
  })

  it.each([
    ['a wrong value', 'eval instant at 3m m\n  m{a="x"} 4\n  m{a="y"} 5', /is 3, not 4/],
    ['a missing series', 'eval instant at 3m m\n  m{a="x"} 3', /unexpected \{__name__="m", a="y"\}/],
    ['a series too many', 'eval instant at 3m m{a="x"}\n  m{a="x"} 3\n  m{a="y"} 5', /no \{__name__="m", a="y"\}/],
    ['a scalar for a vector', 'eval instant at 3m 1\n  {} 1', /scalar/],
    ['an order', 'eval instant at 3m sort(m)\n  expect ordered\n  m{a="y"} 5\n  m{a="x"} 3', /at place 0, not 1/],
    ['a failure that does not come', 'eval instant at 3m m\n  expect fail', /succeeded, and should fail/],
    ['another failure', 'eval instant at 3m m + on() m\n  expect fail msg: x', /failed with "found duplicate/],
    ['a warning that does not come', 'eval instant at 3m m{a="x"}\n  expect warn\n  m{a="x"} 3', /no warning/],
    [
      'an info that is not expected',
      'eval instant at 3m rate(m{a="x"}[2m])\n  expect no_info\n  {a="x"} 0.016666666',
      /unexpected infos/,
    ],
    [
      'another text of an info',
      'eval instant at 3m rate(m{a="x"}[2m])\n  expect info msg: nothing\n  {a="x"} 0.016666666',
      /no info like "nothing"/,
    ],
    ['a point at a wrong time', 'eval range from 0 to 2m step 1m m{a="x"}\n  m{a="x"} 0 _ 2', /has 3 points, not 2/],
  ])('fails on %s', (_name, body, message) => {
    const report = runScript('s', script(body))
    expect(report.passed).toBe(0)
    expect(report.failed).toHaveLength(1)
    expect(report.failed[0]).toMatch(message)
  })

  it('skips, with its reason, only what touches a native histogram', () => {
    const text =
      'load 1m\n  h{a="x"} {{schema:0 sum:1 count:1}}\n  m{a="x"} 1\n\n' +
      'eval instant at 0 h\n  h{a="x"} {{schema:0 sum:1 count:1}}\n\neval instant at 0 sum(m)\n  {} 1\n'
    const report = runScript('s', text)
    expect(report).toMatchObject({ passed: 1, failed: [] })
    expect(report.skipped).toEqual(['s:5: eval instant at 0 h (native histograms)'])
  })
})
