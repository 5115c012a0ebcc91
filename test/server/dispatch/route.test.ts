// Routing: which routes take an alert, what they inherit, and what is wrong with a tree, by line and column. Upstream's files are read in place.

import { existsSync, readFileSync } from 'node:fs'
import * as path from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import { parseConfig } from '../../../core/base/config.ts'
import { buildRoutes, groupKey, matchRoutes, type Route } from '../../../server/dispatch/route.ts'
import { checkRoute, routeSchema } from '../../../server/dispatch/route-config.ts'

const upstream = path.resolve(import.meta.dirname, '../../../../shared/conformance/alertmanager')

const treeOf = (yaml: string): Route => buildRoutes(routeSchema.parse((parse(yaml) as { route: unknown }).route))
const receivers = (tree: Route, labels: Record<string, string>): readonly string[] =>
  matchRoutes(tree, labels).map((route) => route.receiver)

describe.skipIf(!existsSync(upstream))('the routing files of Alertmanager (skipped where they are absent)', () => {
  it.each([
    { file: 'conf.routing.yml', labels: { test: '1' }, to: ['test1'] },
    { file: 'conf.routing.yml', labels: { test: '2' }, to: ['test1', 'test2'] },
    { file: 'conf.routing.yml', labels: { test: '3' }, to: ['default'] },
    { file: 'conf.routing-reverted.yml', labels: { test: '1' }, to: ['test1'] },
    { file: 'conf.routing-reverted.yml', labels: { test: '2' }, to: ['test2', 'test1'] },
    { file: 'simple.yml', labels: { service: 'foo1' }, to: ['team-X-mails'] },
    { file: 'simple.yml', labels: { service: 'foo12' }, to: ['team-X-mails'] },
    { file: 'simple.yml', labels: { service: 'foo1', severity: 'critical' }, to: ['team-X-pager'] },
    { file: 'simple.yml', labels: { service: 'files' }, to: ['team-Y-mails'] },
    { file: 'simple.yml', labels: { service: 'files', severity: 'critical' }, to: ['team-Y-pager'] },
    { file: 'simple.yml', labels: { service: 'database' }, to: ['team-DB-pager'] },
    { file: 'simple.yml', labels: { service: 'database', owner: 'team-X' }, to: ['team-X-pager'] },
    { file: 'simple.yml', labels: { service: 'database', owner: 'team-Y' }, to: ['team-Y-pager'] },
    { file: 'config-testdata-conf.good.yml', labels: { service: 'baz', severity: 'critical' }, to: ['team-X-pager'] },
    {
      file: 'config-testdata-conf.good.yml',
      labels: { service: 'database', owner2: 'team-X', owner: 'team-Y' },
      to: ['team-X-pager', 'team-Y-pager'],
    },
    { file: 'conf.group-by-all.yml', labels: { any: 'thing' }, to: ['team-X'] },
  ])('$file sends $labels to $to', ({ file, labels, to }) => {
    const tree = treeOf(readFileSync(path.join(upstream, file), 'utf8'))
    expect(receivers(tree, labels as Record<string, string>)).toEqual(to)
  })

  it('a nil regular expression is refused by its label', () => {
    const text = readFileSync(path.join(upstream, 'conf.nil-match_re-route.yml'), 'utf8')
    const result = routeSchema.safeParse((parse(text) as { route: unknown }).route)
    expect(result.error?.issues.map((issue) => issue.path.join('.'))).toEqual(['routes.0.match_re.invalid_label'])
  })

  it('grouping by all keeps every label in the key', () => {
    const tree = treeOf(readFileSync(path.join(upstream, 'conf.group-by-all.yml'), 'utf8'))
    expect(groupKey(tree, { b: '2', a: '1' })).toBe('{}:{a="1", b="2"}')
  })
})

describe('a route', () => {
  const tree = treeOf(`
    route:
      receiver: default
      group_by: [alertname, cluster]
      group_wait: 10s
      routes:
        - match: { severity: critical, level: 2, live: true }
          group_by: []
          group_interval: 1m
          routes:
            - matchers: 'team =~ "a|b", zone!=c'
              receiver: team
              group_by: ['...']
              routes:
                - { match_re: { deep: .+ }, group_by: [deep], repeat_interval: 1d, group_wait: 0s }
        - { receiver: default, resolve_wait: 0s, matchers: [a="b"] }`)
  const top = tree.children[0]!
  const team = top.children[0]!

  it('inherits what it leaves unsaid', () => {
    expect(tree).toMatchObject({ groupWaitMs: 10_000, groupIntervalMs: 300_000, repeatIntervalMs: 14_400_000 })
    expect(top).toMatchObject({ receiver: 'default', groupWaitMs: 10_000, groupIntervalMs: 60_000 })
    expect(top.groupBy).toEqual(new Set(['alertname', 'cluster']))
    expect(team).toMatchObject({ receiver: 'team', groupBy: 'all', groupIntervalMs: 60_000 })
    expect(team.children[0]).toMatchObject({ groupBy: new Set(['deep']), repeatIntervalMs: 86_400_000, groupWaitMs: 0 })
  })

  it('waits for recoveries as long as group_wait, at least 5 s, at most group_interval, unless told', () => {
    expect(tree.resolveWaitMs).toBe(10_000)
    expect(team.children[0]?.resolveWaitMs).toBe(5000)
    expect(tree.children[1]?.resolveWaitMs).toBe(0)
    expect(treeOf('{route: {receiver: x, group_wait: 30s, group_interval: 20s}}').resolveWaitMs).toBe(20_000)
  })

  it('takes numbers and booleans under match as the text they are', () => {
    const labels = { severity: 'critical', level: '2', live: 'true' }
    expect(matchRoutes(tree, labels)).toEqual([top])
    expect(matchRoutes(tree, { ...labels, level: '3' })).toEqual([tree])
  })

  it('has a key of all the matchers on the way down, and an id of its own', () => {
    expect(team.key).toBe('{}/{level="2",live="true",severity="critical"}/{team=~"a|b",zone!="c"}')
    expect([tree, top, team].map((route) => route.id)).toEqual(['0', '0.0', '0.0.0'])
    expect(groupKey(top, { alertname: 'A', other: 'x' })).toBe(`${top.key}:{alertname="A"}`)
  })
})

describe('a fault in a route', () => {
  const schema = z
    .object({ route: routeSchema, receivers: z.array(z.object({ name: z.string() })) })
    .strict()
    .superRefine((config, context) => {
      const names = config.receivers.map((one) => one.name)
      for (const { path: at, message } of checkRoute(config.route, names, ['night', 'day']))
        context.addIssue({ code: 'custom', path: ['route', ...at], message })
    })
  const faults = (route: string): readonly string[] => {
    try {
      parseConfig({ file: 'am.yml', text: `receivers: [{name: oncall}]\nroute:\n${route}`, schema })
      return []
    } catch (error) {
      return (error as Error).message.split('\n')
    }
  }

  it.each([
    ['  group_wait: 5s\n', 'am.yml:2:1: route: the root route needs a receiver'],
    [
      '  receiver: oncal\n',
      'am.yml:3:3: route.receiver: receiver "oncal" is not defined under receivers, did you mean "oncall"?',
    ],
    [
      '  receiver: oncall\n  matchers: [a="b"]\n',
      'am.yml:4:3: route.matchers: the root route takes every alert: no matchers here',
    ],
    [
      '  receiver: oncall\n  continue: true\n',
      'am.yml:4:3: route.continue: the root route has no sibling to continue with',
    ],
    ['  receiver: oncall\n  group_by: [a, b, a]\n', 'am.yml:4:20: route.group_by[2]: "a" is listed twice'],
    [
      '  receiver: oncall\n  group_by: [a, "..."]\n',
      'am.yml:4:17: route.group_by[1]: "..." groups by every label and stands alone',
    ],
    ['  receiver: oncall\n  group_interval: 0s\n', 'am.yml:4:3: route.group_interval: must be longer than zero'],
    [
      '  receiver: oncall\n  routes:\n    - repeat_interval: 0s\n',
      'am.yml:5:7: route.routes[0].repeat_interval: must be longer than zero',
    ],
    [
      '  receiver: oncall\n  group_wait: 5 minutes\n',
      'am.yml:4:3: route.group_wait: not a duration: "5 minutes" (write 500ms, 30s, 5m or 1h30m)',
    ],
    ['  receiver: oncall\n  group_wiat: 5s\n', 'am.yml:4:3: route.group_wiat: unknown key, did you mean "group_wait"?'],
    [
      '  receiver: oncall\n  routes:\n    - matchers: [a="b", "c"]\n',
      'am.yml:5:25: route.routes[0].matchers[1]: column 2: an operator is expected: =, !=, =~ or !~',
    ],
    [
      '  receiver: oncall\n  routes:\n    - match: {a: 1.50}\n',
      'am.yml:5:15: route.routes[0].match.a: write this value as text, in quotes',
    ],
    [
      '  receiver: oncall\n  mute_time_intervals: [night]\n',
      'am.yml:4:3: route.mute_time_intervals: the root route takes every alert at any time: no time intervals here',
    ],
    [
      '  receiver: oncall\n  routes:\n    - active_time_intervals: [day, nihgt]\n',
      'am.yml:5:36: route.routes[0].active_time_intervals[1]: time interval "nihgt" is not defined under time_intervals, did you mean "night"?',
    ],
    [
      '  receiver: oncall\n  routes:\n    - match: {a-b: c}\n',
      'am.yml:5:15: route.routes[0].match.a-b: not a label name; write it under matchers',
    ],
  ])('%j is told by place and words', (route, fault) => {
    expect(faults(route)).toEqual([fault])
  })

  it('is told of a tree that nobody would write', () => {
    const wide = Array.from({ length: 10_001 }, () => '{}').join(',')
    expect(faults(`  receiver: oncall\n  routes: [${wide}]\n`)).toEqual(['am.yml:2:1: route: more than 10000 routes'])
  })
})
