// What the server hands over to agents: rule files as text, which rules of them, and what their texts refer to. The hash names it, whoever gets it.

import { createHash } from 'node:crypto'
import type { RestoredAlert } from '../../core/rules/transition.ts'
import { type RulePick, type RulesOffer, rulesOffer } from '../../core/wire/host-rules.ts'
import { maxTextBytes } from '../../core/wire/message.ts'

export type RuleSet = Omit<RulesOffer, 'type' | 'term' | 'alerts'>

/** Room for the alerts of a host beside the rules. */
const maxRulesBytes = maxTextBytes / 2

export function ruleSet(from: {
  readonly files: readonly { readonly file: string; readonly text: string }[]
  readonly picks: readonly RulePick[]
  readonly externalLabels: Readonly<Record<string, string>>
  readonly externalUrl: string
  readonly intervalMs: number
}): RuleSet {
  const files = from.files.filter(({ file }) => from.picks.some((pick) => pick.file === file))
  const { picks, externalLabels, externalUrl, intervalMs } = from
  const content = {
    files: files.map(({ file, text }) => ({ file, text })),
    picks,
    externalLabels,
    externalUrl,
    intervalMs,
  }
  const hash = createHash('sha256').update(JSON.stringify(content)).digest('hex')
  return { ...content, externalLabels: { ...externalLabels }, picks: [...picks], hash }
}

/** The same set without a rule: agents stop. */
export const noRules = (set: RuleSet): RuleSet => ruleSet({ ...set, files: [], picks: [] })

export const tooLarge = (set: RuleSet): boolean => Buffer.byteLength(JSON.stringify(set)) > maxRulesBytes

/** Null: it does not fit into one message, or holds what no agent would take. */
export function offerOf(set: RuleSet, term: string, alerts: readonly RestoredAlert[]): RulesOffer | null {
  const offer: RulesOffer = { type: 'rules', term, ...set, alerts: alerts.map(plain) }
  if (Buffer.byteLength(JSON.stringify(offer)) > maxTextBytes) return null
  return rulesOffer.safeParse(offer).success ? offer : null
}

/** JSON knows no NaN; the value is another at the next evaluation anyway. */
const plain = (alert: RestoredAlert): RulesOffer['alerts'][number] => ({
  ...alert,
  value: Number.isFinite(alert.value) ? alert.value : 0,
})
