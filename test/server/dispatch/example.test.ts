// The example that users copy is a valid configuration, and sends the alerts of the default pack where its comments say.

import { readFileSync } from 'node:fs'
import * as path from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { openInhibition } from '../../../server/dispatch/inhibition.ts'
import { buildRoutes, matchRoutes } from '../../../server/dispatch/route.ts'
import { loadAlertmanagerConfig } from '../../../server/notify/config.ts'
import { alertOf } from './story.ts'

const folder = path.resolve(import.meta.dirname, '../../../alerts')
const file = path.join(folder, 'routing.example.yml')
const text = readFileSync(file, 'utf8')
const read: string[] = []
const config = loadAlertmanagerConfig({
  file,
  text,
  environment: { TICKETS_TOKEN: 'x' },
  readFile: (name) => {
    read.push(path.relative(folder, name))
    return name.endsWith('smtp-password') ? 'p' : 'abcdef0123456789abcdef0123456789'
  },
})
const root = buildRoutes(config.route)

type Rule = { readonly alert?: string; readonly labels?: Record<string, string> }
const pack = parse(readFileSync(path.join(folder, 'default.yml'), 'utf8')) as { groups: { rules: Rule[] }[] }
const rules = pack.groups.flatMap((group) => group.rules.filter((rule) => rule.alert !== undefined))
const receivers = (labels: Record<string, string>): readonly string[] =>
  matchRoutes(root, labels).map((route) => route.receiver)

describe('the routing example', () => {
  it('holds no secret itself', () => {
    expect(read.sort()).toEqual([
      'secrets/dingtalk-secret',
      'secrets/dingtalk-url',
      'secrets/smtp-password',
      'secrets/wecom-key',
    ])
    expect(config.receivers).toEqual(['oncall', 'team', 'mail', 'tickets'])
  })

  it('tells a crash at once, and its end within seconds', () => {
    const [crash, tickets] = matchRoutes(root, { alertname: 'EngineCrashed', severity: 'critical', host: 'h' })
    expect(crash).toMatchObject({ receiver: 'oncall', groupWaitMs: 0, groupIntervalMs: 60_000, resolveWaitMs: 5000 })
    expect(tickets?.receiver).toBe('tickets')
  })

  it.each(['EngineCrashed', 'EngineHung', 'EngineLoadFailed'])('tells %s, not that its engine is down', (alertname) => {
    const inhibition = openInhibition(config.inhibitRules)
    // A crash carries its cause as a label of its own.
    const labels = { alertname, severity: 'critical', host: 'h', engine: 'e', cause: 'signal' }
    inhibition.take([alertOf('cause', { labels })], 0)
    const down = { alertname: 'EngineDown', severity: 'critical', host: 'h', engine: 'e' }
    expect(inhibition.by(down, 0)).toMatchObject({ source: { fingerprint: 'cause' } })
    expect(inhibition.by({ ...down, engine: 'other' }, 0)).toBeNull()
    expect(inhibition.by(labels, 0)).toBeNull()
    expect(rules.map((rule) => rule.alert)).toEqual(expect.arrayContaining([alertname, 'EngineDown']))
  })

  it.each(
    rules.map((rule) => [rule.alert!, rule.labels?.severity ?? ''] as const),
  )('sends %s (%s) to the right people, once each', (alertname, severity) => {
    const expected = { critical: ['oncall', 'tickets'], warning: ['team'] }[severity] ?? ['mail']
    expect([...receivers({ alertname, severity })].sort()).toEqual(expected)
  })
})
