// The pages for users are true: their example loads as it stands, in both languages, and they name every key that the file knows.

import { readFileSync } from 'node:fs'
import * as path from 'node:path'
import { describe, expect, it } from 'vitest'
import { alertmanagerFunctions } from '../../../core/rules/gotemplate/alertmanager-functions.ts'
import { prometheusFunctions } from '../../../core/rules/gotemplate/prometheus-functions.ts'
import { dingtalkConfig } from '../../../server/notify/channel/dingtalk.ts'
import { feishuConfig } from '../../../server/notify/channel/feishu.ts'
import { slackOwnKeys } from '../../../server/notify/channel/slack-attachment.ts'
import { wecomConfig } from '../../../server/notify/channel/wecom.ts'
import { loadAlertmanagerConfig } from '../../../server/notify/config.ts'
import { loadTemplates } from '../../../server/notify/template/template-set.ts'
import { dingtalkFacts, feishuFacts, wecomFacts } from '../../helpers/sinks/robot-facts.ts'
import { load, testDeps } from './deps.ts'
import { notification } from './sample.ts'

const root = path.resolve(import.meta.dirname, '../../..')
const pages = ['docs/channels.md', 'docs/channels.zh-CN.md']
const page = (name: string): string => readFileSync(path.join(root, name), 'utf8')
const example = (name: string): string => /```yaml\n([\s\S]*?)```/.exec(page(name))![1]!
const files = {
  '/etc/inferward/smtp.password': 'p\n',
  '/etc/inferward/dingtalk.url': 'https://oapi.dingtalk.com/robot/send?access_token=abc\n',
  '/etc/inferward/dingtalk.secret': 'SECx\n',
  '/etc/inferward/wecom.key': '693a91f6-7xxx-4bc4-97a0-0ec2sifa5aaa\n',
  '/etc/inferward/hook.secret': 's\n',
}

describe('the page about channels', () => {
  it.each(pages)('%s has an example that loads', (name) => {
    const channels = load(example(name), files).channels(testDeps())
    expect(channels.map((one) => one.name)).toEqual([
      'oncall/dingtalk[0]',
      'oncall/wecom[0]',
      'platform/webhook[0]',
      'platform/email[0]',
    ])
  })

  it('has the same example in both languages', () => {
    expect(example(pages[1]!)).toBe(example(pages[0]!))
  })

  it.each(pages)('%s names every key of the robots and every errcode that is handled', (name) => {
    const text = page(name)
    const files = { read: () => '', list: () => [] }
    const noFiles = { read: files.read, templates: loadTemplates({ patterns: [], folder: '/', files }) }
    const shapes = [dingtalkConfig(noFiles), wecomConfig(noFiles), feishuConfig(noFiles)].flatMap((one) =>
      Object.keys(one.in.shape),
    )
    expect(shapes.filter((key) => !text.includes(`\`${key}\``))).toEqual([])
    const codes = [dingtalkFacts, wecomFacts, feishuFacts].flatMap((facts) => facts.codes.map((one) => one.code))
    const written = text.replace('430101–430104', '430101 430102 430103 430104')
    expect(codes.filter((code) => !written.includes(String(code)))).toEqual([])
  })
})

describe('the page about templates', () => {
  const names = ['docs/templates.md', 'docs/templates.zh-CN.md']
  const blocks = (name: string) => [...page(name).matchAll(/```(?:yaml)?\n([\s\S]*?)```/g)].map((one) => one[1]!)

  it('has an example that loads and says what it should, the same in both languages', () => {
    const [yaml, template] = blocks(names[0]!)
    expect(blocks(names[1]!)).toEqual([yaml, template])
    const config = loadAlertmanagerConfig({
      file: '/etc/inferward/alertmanager.yml',
      text: yaml!,
      readFile: () => template!,
      listFolder: () => ['fleet.tmpl', 'templates', 'inferward', 'etc'],
      environment: {},
    })
    expect(config.warnings).toEqual([])
    for (const channel of config.channels(testDeps()).slice(0, 2))
      expect(channel.preview(notification())).toContain('gpu-01 GPU 3: GPU 3 温度过高')
  })

  it.each(names)('%s names every key that takes a template, and every function', (name) => {
    const text = page(name)
    const templates = loadTemplates({ patterns: [], folder: '/', files: { read: () => '', list: () => [] } })
    const keys = Object.keys(slackOwnKeys({ read: () => '', templates })).filter(
      (key) => !['short_fields', 'link_names', 'mrkdwn_in'].includes(key),
    )
    const wanted = [
      ...keys,
      'html',
      'headers',
      'payload',
      ...Object.keys(alertmanagerFunctions),
      ...Object.keys(prometheusFunctions),
    ]
    expect(wanted.filter((one) => !text.includes(`\`${one}\``))).toEqual([])
  })
})

describe('the routing example that is shipped', () => {
  it('loads, with a channel for every receiver', () => {
    const secrets: Readonly<Record<string, string>> = {
      'dingtalk-url': 'https://oapi.dingtalk.com/robot/send?access_token=abc',
      'wecom-key': '693a91f6-7xxx-4bc4-97a0-0ec2sifa5aaa',
    }
    const name = 'alerts/routing.example.yml'
    const text = page(name)
    const variables = [...text.matchAll(/\$\{([A-Z_]+)\}/g)].map((one) => [one[1]!, 'https://hooks.example.org/x'])
    const config = loadAlertmanagerConfig({
      file: path.join(root, name),
      text,
      readFile: (file) => secrets[path.basename(file)] ?? 'https://hooks.example.org/x',
      environment: Object.fromEntries(variables),
    })
    const reached = new Set(config.channels(testDeps()).map((one) => one.receiver))
    expect([...reached].sort()).toEqual([...config.receivers].sort())
  })
})
