// A configuration with one receiver and the template files beside it, in memory: what its channels would send, and how often a template failed.

import * as path from 'node:path'
import type { Channel } from '../../../server/dispatch/channel.ts'
import type { Notification } from '../../../server/dispatch/notification.ts'
import { loadAlertmanagerConfig } from '../../../server/notify/config.ts'
import { loadTemplates } from '../../../server/notify/template/template-set.ts'
import { receiverFile, testDeps } from './deps.ts'
import { notification } from './sample.ts'

type Files = Readonly<Record<string, string>>

const folder = '/etc/inferward'
const missing = (): never => {
  throw Object.assign(new Error('no such file'), { code: 'ENOENT' })
}
const reader = (files: Files) => ({
  read: (file: string) => files[file] ?? missing(),
  list: (where: string) => {
    const inside = Object.keys(files).filter((file) => file.startsWith(`${where === '/' ? '' : where}/`))
    if (inside.length === 0) missing()
    return [...new Set(inside.map((file) => path.relative(where, file).split('/')[0]!))]
  },
})
export const set = (patterns: readonly string[], files: Files = {}) =>
  loadTemplates({ patterns, folder, files: reader(files) })

/** Channels of a file with one receiver, and how often a template failed. */
export function open(lines: string, globals = '', files: Files = {}) {
  let faults = 0
  const { read, list } = reader(files)
  const config = loadAlertmanagerConfig({
    file: `${folder}/alertmanager.yml`,
    text: receiverFile(lines, globals),
    environment: {},
    readFile: read,
    listFolder: list,
    onTemplateFault: () => faults++,
  })
  return { channels: config.channels(testDeps()), warnings: config.warnings, faults: () => faults }
}
export const faultsOf = (lines: string, globals = '', files: Files = {}): string => {
  try {
    open(lines, globals, files)
    return 'no fault'
  } catch (error) {
    return (error as Error).message
  }
}
export const bodyOf = (channel: Channel, of: Notification = notification()): string => {
  const shown = channel.preview(of)
  return shown.slice(shown.indexOf('\n\n') + 2)
}
export const jsonOf = (channel: Channel, of?: Notification) => JSON.parse(bodyOf(channel, of))

export const webhook = (payload: string): string =>
  `    webhook_configs:\n      - url: http://127.0.0.1/x\n        payload: ${payload}`
export const slack = (keys: string): string => `    slack_configs:\n      - api_url: http://127.0.0.1/x\n${keys}`
export const robot = 'url: https://oapi.dingtalk.com/robot/send?access_token=abc'
