import { describe, expect, it } from 'vitest'
import type { Notification } from '../../../server/dispatch/notification.ts'
import { robotQuota } from '../../../server/notify/channel-config.ts'
import { toMessage } from '../../../server/notify/render/message.ts'

const annotations = {
  summary: 'Engine default ended',
  summary_zh: '引擎 default 意外结束',
  description: 'only in English',
  runbook_url: 'alerts/runbooks/EngineCrashed.md',
}
const notification: Notification = {
  id: '0'.repeat(32),
  receiver: 'oncall',
  groupKey: '{}',
  reason: 'first',
  status: 'firing',
  groupLabels: { alertname: 'EngineCrashed' },
  commonLabels: { alertname: 'EngineCrashed' },
  commonAnnotations: annotations,
  alerts: [
    {
      fingerprint: '1',
      labels: { alertname: 'EngineCrashed' },
      annotations,
      startsAt: 1_700_000_000_000,
      endsAt: null,
      updatedAt: 1_700_000_000_000,
      generatorUrl: '',
      source: 'rules',
    },
  ],
  truncated: 0,
  externalUrl: 'https://watch.example',
  at: 1_700_000_000_000,
}
const prose = (lang: 'zh' | 'en') =>
  toMessage(notification, { lang, timeZone: 'UTC' }).prose.map((field) => field.value)

describe('what a message says in each language', () => {
  it('takes the annotation of the reader’s language, and the plain one where there is none', () => {
    expect(prose('zh')).toEqual(['引擎 default 意外结束', 'only in English'])
    expect(prose('en')).toEqual(['Engine default ended', 'only in English'])
  })

  it.each([
    ['a shipped page', 'alerts/runbooks/EngineCrashed.md', ['https://watch.example/runbooks/EngineCrashed']],
    ['a page of the user’s own', 'https://wiki.example/gpu', ['https://wiki.example/gpu']],
    ['a path that leaves the folder', 'alerts/runbooks/../../etc/passwd.md', []],
    ['a script', 'javascript:alert(1)', []],
  ])('links %s', (_title, url, links) => {
    const given = { ...notification, commonAnnotations: { ...annotations, runbook_url: url } }
    const message = toMessage(given, { lang: 'en', timeZone: 'UTC' })
    expect(message.links.filter((link) => link.url !== 'https://watch.example/').map((link) => link.url)).toEqual(links)
  })

  it('gives one robot one pace, whichever receivers use it', () => {
    expect(robotQuota('https://robot/a').key).toBe(robotQuota('https://robot/a').key)
    expect(robotQuota('https://robot/a').key).not.toBe(robotQuota('https://robot/b').key)
    expect(robotQuota('https://robot/a').key).not.toContain('robot')
  })
})
