// What `check templates` finds: template files as one set, configurations with all that their receivers write. Reads files, asks no server, and
// sends nothing.

import { readdirSync, readFileSync } from 'node:fs'
import * as path from 'node:path'
import { systemClock } from '../../core/base/clock.ts'
import { isInferwardError } from '../../core/base/errors.ts'
import type { Notification } from '../../server/dispatch/notification.ts'
import { loadAlertmanagerConfig } from '../../server/notify/config.ts'
import { openPost } from '../../server/notify/http-post.ts'
import { faultOf, loadTemplates } from '../../server/notify/template/template-set.ts'
import type { TemplateForm } from '../../server/notify/template/template-text.ts'
import { readGiven } from '../rules/read.ts'

export type CheckedFile = {
  readonly file: string
  readonly good: boolean
  /** `FILE:line:col: words`. */
  readonly faults: readonly string[]
  readonly warnings: readonly string[]
  /** Messages of a configuration's channels for the notification, without secrets. */
  readonly messages: readonly { readonly channel: string; readonly message: string }[]
}
/** What a text becomes over the files: its output, or why there is none. */
export type RenderedText = { readonly output: string | null; readonly fault: string | null }
export type CheckedTemplates = { readonly files: readonly CheckedFile[]; readonly rendered: RenderedText | null }

const read = (file: string): string => readFileSync(file, 'utf8')
const list = (folder: string): readonly string[] => readdirSync(folder)
/** A name as a pattern that matches it alone. */
const literally = (file: string): string => file.replace(/[*?[]/g, '[$&]')
const isConfiguration = (file: string): boolean => /\.ya?ml$/i.test(file)

/** Throws `cli.file` where one cannot be read. */
export function checkTemplates(options: {
  readonly files: readonly string[]
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly notification: Notification
  /** To be rendered over the template files. */
  readonly text?: string
  readonly form: TemplateForm
}): CheckedTemplates {
  const { notification } = options
  const configurations = options.files.filter(isConfiguration)
  const templates = options.files.filter((file) => !isConfiguration(file)).map((file) => path.resolve(file))
  for (const file of templates) readGiven(file)
  const set = loadTemplates({ patterns: templates.map(literally), folder: '/', files: { read, list } })
  const checked = templates.map((file): CheckedFile => {
    const faults = set.faults.filter((words) => words.startsWith(`${file}:`))
    return { file, good: faults.length === 0, faults, warnings: [], messages: [] }
  })
  const configured = configurations.map((file) =>
    checkConfiguration(path.resolve(file), options.environment, notification),
  )
  const { text } = options
  return {
    files: [...checked, ...configured],
    rendered: text === undefined ? null : render(text, options.form, set.compile, notification),
  }
}

function checkConfiguration(
  file: string,
  environment: Readonly<Record<string, string | undefined>>,
  notification: Notification,
): CheckedFile {
  const text = readGiven(file)
  try {
    const config = loadAlertmanagerConfig({ file, text, readFile: read, listFolder: list, environment })
    const deps = { clock: systemClock, post: openPost(systemClock) }
    const messages = config.channels(deps).map((channel) => ({
      channel: channel.name,
      message: channel.preview({ ...notification, receiver: channel.receiver }),
    }))
    return { file, good: true, faults: [], warnings: config.warnings, messages }
  } catch (error) {
    if (!isInferwardError(error)) throw error
    const faults = error.message.split('\n')
    return { file, good: false, faults, warnings: [], messages: [] }
  }
}

function render(
  text: string,
  form: TemplateForm,
  compile: ReturnType<typeof loadTemplates>['compile'],
  notification: Notification,
): RenderedText {
  try {
    const { text: output, fault } = compile(text, form).render(notification)
    return { output, fault }
  } catch (error) {
    if (!isInferwardError(error)) throw error
    return { output: null, fault: faultOf(error) }
  }
}
