// Which receivers hear of an alert that has been spoken of since some time and that nobody has acknowledged. Pure: the dispatcher asks at every
// flush, and comes again when the next step is due. Whoever is on call then is told; after a handover that is somebody else.

import { exitCodes, InferwardError } from '../../core/base/errors.ts'
import type { EscalationConfig } from './escalation-config.ts'
import type { LabelSet } from './matcher-text.ts'
import { onCallAt, receiversOf } from './oncall.ts'
import type { OnCallSchedule } from './oncall-config.ts'

export type Escalation = {
  /** Everybody who may ever hear of such an alert. */
  reach(labels: LabelSet): ReadonlySet<string>
  /** Those who are to know by now. */
  due(labels: LabelSet, since: number, now: number): ReadonlySet<string>
  /** When the next step comes; null: none does. */
  nextAt(labels: LabelSet, since: number, now: number): number | null
  /** For `explain`: the steps in their order. */
  steps(labels: LabelSet, now: number): readonly EscalationStep[]
}
export type EscalationStep = {
  readonly escalation: string
  readonly afterMs: number
  readonly receiver: string
  /** Null: a receiver by name. */
  readonly onCall: string | null
}

/** Throws `config.escalations` for a receiver without a channel and a schedule that is not there. */
export function openEscalation(
  configs: readonly EscalationConfig[],
  schedules: readonly OnCallSchedule[],
  receivers: ReadonlySet<string>,
): Escalation {
  const byName = new Map(schedules.map((one) => [one.name, one]))
  checkReceivers(configs, byName, receivers)
  const stepsOf = (labels: LabelSet) =>
    configs
      .filter(({ matchers }) => matchers.every((one) => one.matches(labels)))
      .flatMap(({ name, steps }) => steps.map((step) => ({ escalation: name, step })))
  const receiverAt = (step: EscalationConfig['steps'][number], now: number): string =>
    'receiver' in step ? step.receiver : onCallAt(byName.get(step.on_call)!, now)

  return {
    reach: (labels) =>
      new Set(
        stepsOf(labels).flatMap(({ step }) =>
          'receiver' in step ? [step.receiver] : [...receiversOf(byName.get(step.on_call)!)],
        ),
      ),
    due: (labels, since, now) =>
      new Set(
        stepsOf(labels)
          .filter(({ step }) => now - since >= step.after)
          .map(({ step }) => receiverAt(step, now)),
      ),
    nextAt(labels, since, now) {
      const ahead = stepsOf(labels)
        .map(({ step }) => since + step.after)
        .filter((at) => at > now)
      return ahead.length === 0 ? null : Math.min(...ahead)
    },
    steps: (labels, now) =>
      stepsOf(labels)
        .map(({ escalation, step }) => ({
          escalation,
          afterMs: step.after,
          receiver: receiverAt(step, now),
          onCall: 'on_call' in step ? step.on_call : null,
        }))
        .sort((a, b) => a.afterMs - b.afterMs),
  }
}

function checkReceivers(
  configs: readonly EscalationConfig[],
  schedules: ReadonlyMap<string, OnCallSchedule>,
  receivers: ReadonlySet<string>,
): void {
  const faults: string[] = []
  const check = (place: string, receiver: string): void => {
    if (!receivers.has(receiver)) faults.push(`${place}: receiver "${receiver}" does not exist or has no channel`)
  }
  for (const { name, steps } of configs) {
    for (const [index, step] of steps.entries()) {
      const place = `escalations "${name}", steps[${index}]`
      if ('receiver' in step) check(place, step.receiver)
      else if (!schedules.has(step.on_call)) faults.push(`${place}: there is no on_call schedule "${step.on_call}"`)
    }
  }
  for (const schedule of schedules.values())
    for (const receiver of receiversOf(schedule)) check(`on_call "${schedule.name}"`, receiver)
  if (faults.length === 0) return
  throw new InferwardError({
    code: 'config.escalations',
    exitCode: exitCodes.config,
    message: faults.join('\n'),
    hint: `Receivers with channels: ${[...receivers].join(', ') || 'none'}.`,
  })
}
