// What a rule group says when an alert changes its state: message-shaped, so that it can come from another thread or from an agent. The same
// change told twice has the same `fingerprint`, `state` and `at`.

import type { LabelRecord } from './labels.ts'

export type AlertState = 'pending' | 'firing' | 'resolved' | 'inactive'

export type Transition = {
  /** Identity of the alert: hash of its final labels. */
  readonly fingerprint: string
  readonly file: string
  readonly group: string
  readonly rule: string
  /** Text of the rule's query. */
  readonly expression: string
  /** `inactive`: a pending alert whose condition went away before it fired. */
  readonly state: AlertState
  /** Evaluation time, milliseconds. */
  readonly at: number
  readonly labels: LabelRecord
  readonly annotations: LabelRecord
  /** Null when the expression gave nothing, as at the end of an alert. */
  readonly value: number | null
  /** When the condition first held. */
  readonly activeAt: number
  /** When it began to fire; null while it is pending. */
  readonly firedAt: number | null
  /** Where another clock evaluated it: the time by our own that stands for `at` in what is ordered and shown. */
  readonly heardAt?: number
}

/** What must be kept of an alert so that a restarted program goes on exactly where the last one stood. */
export type RestoredAlert = Pick<
  Transition,
  'fingerprint' | 'file' | 'group' | 'rule' | 'expression' | 'labels' | 'annotations' | 'activeAt' | 'firedAt'
> & {
  readonly state: 'pending' | 'firing'
  readonly value: number
  /** Since when the condition is gone while `keep_firing_for` holds it; null otherwise. */
  readonly keepFiringSince: number | null
}

/** A firing alert whose text changed, or that `keep_firing_for` begins or ceases to hold: worth keeping, no change of its state. */
export type Amendment = Pick<
  Transition,
  'fingerprint' | 'file' | 'group' | 'rule' | 'at' | 'activeAt' | 'annotations' | 'value'
> & {
  readonly keepFiringSince: number | null
  readonly heardAt?: number
}

/** Told what an evaluation changed, in order; amendments are never of an alert that is among the transitions. */
export type RuleListener = (
  transitions: readonly Transition[],
  amendments: readonly Amendment[],
) => Promise<void> | void
