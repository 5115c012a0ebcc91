// Alerts as Alertmanager's API writes them. Texts of labels and annotations are made once, since many readers ask for the same alerts again and
// again, and a list of twenty thousand must not take longer than a glance.

import type { Alert } from '../../alert/alert.ts'
import type { LabelSet } from '../../dispatch/matcher-text.ts'
import type { Look } from '../../dispatch/view.ts'

const known = new WeakMap<object, string>()

/** JSON of a record that never changes. */
export function recordText(record: LabelSet): string {
  let text = known.get(record)
  if (text === undefined) {
    text = JSON.stringify(record)
    known.set(record, text)
  }
  return text
}

export const instant = (at: number): string => new Date(at).toISOString()

/** Receivers come in few sets: their text is made once for each. */
const receiverTexts = new Map<string, string>()
function receiversText(names: readonly string[]): string {
  const key = names.join('\n')
  let text = receiverTexts.get(key)
  if (text === undefined) {
    if (receiverTexts.size > 10_000) receiverTexts.clear()
    text = JSON.stringify(names.map((name) => ({ name })))
    receiverTexts.set(key, text)
  }
  return text
}

const strings = (list: readonly string[]): string => (list.length === 0 ? '[]' : JSON.stringify(list))

/** What does not change while the alert is this one: before its receivers, and behind its state. */
type Frame = { readonly before: string; readonly behind: string; readonly end: string | null }
const frames = new WeakMap<Alert, Frame>()

function frameOf(alert: Alert): Frame {
  let frame = frames.get(alert)
  if (frame === undefined) {
    const url = alert.generatorUrl === '' ? '' : `,"generatorURL":${JSON.stringify(alert.generatorUrl)}`
    const startsAt = instant(alert.startsAt)
    frame = {
      end: alert.endsAt === null ? null : instant(alert.endsAt),
      before: `{"annotations":${recordText(alert.annotations)},"startsAt":"${startsAt}","fingerprint":"${alert.fingerprint}","endsAt":"`,
      behind: `},"updatedAt":"${instant(alert.updatedAt)}"${url},"labels":${recordText(alert.labels)}}`,
    }
    frames.set(alert, frame)
  }
  return frame
}

/** `endsAt` stands in for an alert whose end nobody knows. */
export function alertText(alert: Alert, look: Look, mutedBy: readonly string[], endsAt: string): string {
  const { silencedBy, inhibitedBy } = look
  const state = silencedBy.length + inhibitedBy.length > 0 ? 'suppressed' : 'active'
  const { before, behind, end } = frameOf(alert)
  return (
    `${before}${end ?? endsAt}","receivers":${receiversText(look.receivers)},"status":{"inhibitedBy":${strings(inhibitedBy)},` +
    `"mutedBy":${strings(mutedBy)},"silencedBy":${strings(silencedBy)},"state":"${state}"${behind}`
  )
}
