// A text of a receiver that its user writes: a template over a notification. Rendering never throws and never takes long: what goes wrong is
// told, so that the message can go out in the program's own words, with the fault in it.

import { errorText } from '../../../core/base/errors.ts'
import { alertmanagerFunctions } from '../../../core/rules/gotemplate/alertmanager-functions.ts'
import type { Limits } from '../../../core/rules/gotemplate/budget.ts'
import { type Library, parseTemplate } from '../../../core/rules/gotemplate/template.ts'
import type { Notification } from '../../dispatch/notification.ts'
import { cutBytes } from '../render/bytes.ts'
import { oneLine } from '../render/message.ts'
import type { OwnTexts } from '../render/own-texts.ts'
import { dataOf } from './data.ts'

/** Enough for a thousand alerts with all their labels; what takes more is a fault of the template. */
export const notificationLimits: Limits = { output: 4 << 20, value: 4 << 20, steps: 1_000_000, depth: 400 }
const maxFaultBytes = 500

export type TemplateForm = 'text' | 'html'
export type Rendered = { readonly text: string; readonly fault: null } | { readonly text: null; readonly fault: string }
export type TemplateText = {
  /** One notification is rendered once, however often it is asked for. */
  render(notification: Notification): Rendered
}

/** `text` is a user's. Throws `template.invalid`; where the set is `closed` also when it calls a template that nobody defines. */
export function compileText(
  text: string,
  form: TemplateForm,
  { library, closed, onFault }: { readonly library: Library; readonly closed: boolean; readonly onFault: () => void },
): TemplateText {
  const template = parseTemplate(text, {
    functions: alertmanagerFunctions,
    library,
    html: form === 'html',
    closed,
    limits: notificationLimits,
  })
  const rendered = new WeakMap<Notification, Rendered>()
  let lastFailed = ''
  return {
    render(notification) {
      const known = rendered.get(notification)
      if (known !== undefined) return known
      const made = attempt(() => template.execute(dataOf(notification), { nowMs: notification.at }))
      // A message that is measured in parts is rendered for each, and has one id.
      if (made.fault !== null && notification.id !== lastFailed) onFault()
      if (made.fault !== null) lastFailed = notification.id
      rendered.set(notification, made)
      return made
    },
  }
}

function attempt(render: () => string): Rendered {
  try {
    return { text: render(), fault: null }
  } catch (error) {
    return { text: null, fault: cutBytes(oneLine(errorText(error)), maxFaultBytes) }
  }
}

/** All of a message or nothing: half of somebody's words beside half of ours would mislead. */
export function ownTexts<Name extends string>(
  templates: Readonly<Partial<Record<Name, TemplateText | undefined>>>,
  notification: Notification,
): OwnTexts<Name> {
  const texts: Partial<Record<Name, string>> = {}
  for (const name of Object.keys(templates) as Name[]) {
    const template = templates[name]
    if (template === undefined) continue
    const rendered = template.render(notification)
    if (rendered.fault !== null) return { texts: {} as typeof texts, fault: `${name}: ${rendered.fault}` }
    texts[name] = rendered.text
  }
  return { texts, fault: null }
}
