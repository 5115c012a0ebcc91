// Standing queries beside the full evaluator, for as many rule-ticks as asked: each seed is a store with a life of its own. A fault is a difference.

import type { CampaignContext, CampaignReport } from './campaign.ts'
import { liveThrough } from './rules-world.ts'

export async function rulesCampaign({ n, seed, tell, signal }: CampaignContext): Promise<CampaignReport> {
  let [ticks, standing, declined, answered, lives] = [0, 0, 0, 0, 0]
  const faults: string[] = []
  let told = 0
  while (ticks < n && faults.length < 10) {
    signal.throwIfAborted()
    const life = seed + lives++
    const report = liveThrough(life, mulberry(life), { ticks: 150, queries: 30 })
    ticks += report.ticks
    standing += report.standing
    declined += report.declined
    answered += report.answered
    faults.push(...report.differences)
    if (ticks - told >= 100_000) {
      told = ticks
      tell(`${ticks} of ${n} rule-ticks`)
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  return {
    rounds: ticks,
    faults,
    notes: [
      `${lives} stores; ${standing} rule-ticks by plans, ${declined} left to the full evaluator, ${answered} with an answer that is not empty`,
    ],
  }
}

function mulberry(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let value = Math.imul(state ^ (state >>> 15), state | 1)
    value = (value + Math.imul(value ^ (value >>> 7), value | 61)) ^ value
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32
  }
}
