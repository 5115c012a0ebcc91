// The golden texts: what the peer engine says on the shipped model, kept in test/fixtures/golden-default.json. Made again by
// `GOLDEN=write npx vitest run --config vitest.real.config.ts test/real/golden.test.ts`.

import { readFileSync } from 'node:fs'
import * as path from 'node:path'
import { fileURLToPath } from 'node:url'

export type GoldenEntry = {
  readonly prompt: string
  /** With the beginning-of-text token in front. */
  readonly promptTokens: readonly number[]
  readonly text: string
  readonly tokens: readonly number[]
  /** Per token: probability of the peer's first choice less that of its second. */
  readonly leads: readonly number[]
  /** The same with the weights as floats, where the peer rounds nothing. */
  readonly exactLeads: readonly number[]
}

export type Golden = {
  readonly peer: string
  readonly model: string
  readonly modelSha256: string
  readonly rule: string
  /** Candidates before the last kept one that the rule did not admit: a choice too close, or one that the peer's own rounding turned. */
  readonly leftOut: { readonly unclear: number; readonly rounded: number }
  readonly entries: readonly GoldenEntry[]
}

export const goldenFile = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../fixtures/golden-default.json')

export const readGolden = (): Golden => JSON.parse(readFileSync(goldenFile, 'utf8')) as Golden

/** One line per entry, so that a changed text shows as a changed line. */
export function goldenText(golden: Golden): string {
  const { entries, ...head } = golden
  const lines = entries.map((entry) => `    ${JSON.stringify(entry)}`)
  return `${JSON.stringify({ ...head, entries: '@' }, null, 2).replace('"@"', `[\n${lines.join(',\n')}\n  ]`)}\n`
}
