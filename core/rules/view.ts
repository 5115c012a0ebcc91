// Rule groups as people and the API see them: message-shaped, a copy of one moment.

import type { LabelRecord } from './labels.ts'

/** What one rule cost at its last evaluation. */
export type RuleCost = {
  readonly group: string
  readonly rule: string
  readonly query: string
  readonly seconds: number
  /** Series that it wrote; for an alert those of `ALERTS` and `ALERTS_FOR_STATE`. */
  readonly series: number
  readonly failing: boolean
  readonly blind: boolean
}

export type AlertView = {
  readonly fingerprint: string
  readonly labels: LabelRecord
  readonly annotations: LabelRecord
  readonly state: 'pending' | 'firing'
  readonly activeAt: number
  readonly keepFiringSince: number | null
  readonly value: number
}

type Common = {
  readonly name: string
  readonly query: string
  readonly labels: LabelRecord
  readonly health: 'unknown' | 'ok' | 'err'
  readonly lastError: string
  readonly evaluationSeconds: number
  /** Milliseconds; null before the first evaluation. */
  readonly lastEvaluationAt: number | null
}

export type RuleView =
  | (Common & {
      readonly kind: 'alerting'
      readonly state: 'inactive' | 'pending' | 'firing'
      /** The data it needs is missing: it says neither yes nor no. */
      readonly blind: boolean
      readonly forMs: number
      readonly keepFiringForMs: number
      readonly annotations: LabelRecord
      readonly alerts: readonly AlertView[]
    })
  | (Common & { readonly kind: 'recording' })

export type GroupView = {
  readonly name: string
  readonly file: string
  readonly intervalMs: number
  readonly limit: number
  readonly evaluationSeconds: number
  readonly lastEvaluationAt: number | null
  readonly rules: readonly RuleView[]
}
