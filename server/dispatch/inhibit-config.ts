// `inhibit_rules` of an Alertmanager configuration, in its three spellings (matchers, match, match_re) folded into one list per side.

import { z } from 'zod'
import type { Matcher } from './matcher.ts'
import { equalMatchers, maybe, patternMatchers, writtenMatchers } from './route-config.ts'

export type InhibitRule = {
  /** As the file names it; empty: without a name. */
  readonly name: string
  /** An alert that fires and matches all of these mutes … */
  readonly source: readonly Matcher[]
  /** … alerts that match all of these … */
  readonly target: readonly Matcher[]
  /** … and have the same values of these labels; a label that is missing counts as empty. */
  readonly equal: readonly string[]
}

const inhibitRule = z
  .object({
    name: maybe(z.string()),
    source_match: equalMatchers,
    source_match_re: patternMatchers,
    source_matchers: writtenMatchers,
    target_match: equalMatchers,
    target_match_re: patternMatchers,
    target_matchers: writtenMatchers,
    equal: maybe(z.array(z.string().min(1))),
  })
  .strict()
  .transform(
    (raw): InhibitRule => ({
      name: raw.name ?? '',
      source: [...raw.source_match, ...raw.source_match_re, ...raw.source_matchers],
      target: [...raw.target_match, ...raw.target_match_re, ...raw.target_matchers],
      equal: [...new Set(raw.equal)].sort(),
    }),
  )

export const inhibitRulesSchema = maybe(z.array(inhibitRule).max(10_000)).transform((rules) => rules ?? [])
