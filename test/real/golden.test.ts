// Are the golden texts what the peer says? Runs the peer on every candidate again and compares with the committed file.

import { mkdirSync, writeFileSync } from 'node:fs'
import * as path from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { type Golden, goldenFile, goldenText, readGolden } from '../helpers/golden.ts'
import { makeGolden } from './golden.ts'

/** Another processor sums in another order, and an activation may round the other way: half a hundredth, half of the least lead kept. */
const leadDigits = 2

describe('the golden texts', () => {
  let made: Golden

  // The peer runs twice over some 350 prompts.
  beforeAll(async () => {
    made = await makeGolden()
    if (process.env.GOLDEN !== 'write') return
    mkdirSync(path.dirname(goldenFile), { recursive: true })
    writeFileSync(goldenFile, goldenText(made))
  })

  it('were made by this peer, on this model, by this rule', () => {
    const { peer, modelSha256, rule } = readGolden()
    expect({ peer, modelSha256, rule }).toEqual({ peer: made.peer, modelSha256: made.modelSha256, rule: made.rule })
  })

  it('are the peer’s: the same prompts, tokens and texts', () => {
    const words = ({ entries }: Golden) => entries.map(({ leads: _, exactLeads: __, ...entry }) => entry)
    expect(words(readGolden())).toEqual(words(made))
    expect(readGolden().leftOut).toEqual(made.leftOut)
  })

  it('keep the peer’s leads', () => {
    const flat = ({ entries }: Golden) => entries.flatMap((entry) => [...entry.leads, ...entry.exactLeads])
    const now = flat(made)
    for (const [index, lead] of flat(readGolden()).entries()) expect(now[index]).toBeCloseTo(lead, leadDigits)
  })
})
