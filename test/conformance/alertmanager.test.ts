// Alertmanager's own configuration files, read where they lie; and the runner itself, which must notice what is wrong.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import * as path from 'node:path'
import { describe, expect, it } from 'vitest'
import { routeOf } from '../server/dispatch/story.ts'
import { against, amtool, labelSets, runAlertmanager } from './alertmanager-run.ts'
import { reasonsIn, verdictOf, verdicts } from './alertmanager-verdicts.ts'

const folder = path.resolve(import.meta.dirname, '../../../shared/conformance/alertmanager')
const files = existsSync(folder) ? readdirSync(folder).filter((file) => file.endsWith('.yml')) : []

describe.skipIf(files.length === 0)('the configuration files of Alertmanager', () => {
  it.each(files)('%s loads, or is refused for the reason that Alertmanager has', (file) => {
    const full = path.join(folder, file)
    const { passed, failed, skipped } = runAlertmanager(file, readFileSync(full, 'utf8'), full)
    expect(failed).toEqual([])
    expect(passed).toBeGreaterThan(0)
    if (amtool !== null) expect(skipped.filter((text) => !/\(this amtool /.test(text))).toEqual([])
  })

  it('have a verdict each', () => {
    expect(files.filter((file) => verdictOf(file) === undefined)).toEqual([])
  })
})

describe('the runner of configuration files', () => {
  const fault = (text: string): string => {
    const { failed } = runAlertmanager('conf.good.yml', text, '/nowhere.yml')
    return failed[0] ?? ''
  }

  it('fails a file that should load and does not, and one that loads and should not', () => {
    expect(fault('route: { receiver: x }\nreceivers: []\n')).toContain('refused: conf.good.yml:1:10: route.receiver')
    const { failed } = runAlertmanager(
      'conf.bad.yml',
      'route: { receiver: x }\nreceivers: [{ name: x }]\n',
      '/nowhere.yml',
    )
    expect(failed[0]).toContain('loads, and should be refused: no configuration')
  })

  it('fails a file that is refused for another reason', () => {
    const said = 'f.yml:1:1: route.receiver: receiver "x" is not defined under receivers'
    expect(against({ fault: said }, ['an undefined receiver'])).toBeNull()
    expect(against({ fault: said }, ['a pattern'])).toContain('refused for an undefined receiver, not a pattern')
    expect(against({ fault: said }, [])).toContain('refused for an undefined receiver')
  })

  it.each([
    ['undefined receiver "a" used in route', 'an undefined receiver'],
    ['at most one of slack_api_url & slack_api_url_file must be configured', 'two sources of one secret'],
    ['no global OpsGenie API Key set either inline or in a file', 'a needed key is missing'],
    ['missing name in receiver', 'a name missing'],
    ['root route must not have any matchers', 'the root route'],
    ['group_interval cannot be zero', 'an interval of zero'],
  ])('reads "%s" as %s', (text, reason) => {
    expect(reasonsIn(text, 'theirs')).toContain(reason)
  })

  it('knows both kinds of file', () => {
    const known = Object.values(verdicts)
    expect(known.filter((one) => one === null).length).toBeGreaterThan(15)
    expect(known.filter((one) => one !== null).length).toBeGreaterThan(15)
  })

  it('makes label sets that reach every route, and some that miss', () => {
    const root = routeOf(`
      receiver: default
      routes:
        - { matchers: [a="1", b=~"x|y"], receiver: oncall, routes: [{ match_re: { c: "^(foo1|foo2)$" }, receiver: team }] }
        - { matchers: [a!="1", d=~"z.*"], receiver: other }`)
    const sets = labelSets(root)
    expect(sets).toContainEqual({ a: '1', b: 'x', c: 'foo1' })
    expect(sets).toContainEqual({ a: 'other', d: 'z.*' })
    expect(sets).toContainEqual({ b: 'x' })
  })
})
