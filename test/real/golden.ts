// Makes the golden texts: greedy completions of the shipped model by the peer engine, never by ours. The peer answers twice: on the very file,
// where it rounds activations to 8 bits, and on the same weights widened to floats (float-twin.ts). A prompt is kept when both answers agree
// and every choice is clear in both; where they part, rounding decided, and that is no reference.
// Invariant: what is kept depends on the peer alone, in the order of the candidate list; our output is not looked at.

import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import * as path from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Golden, GoldenEntry } from '../helpers/golden.ts'
import { writeFloatTwin } from './float-twin.ts'
import { goldenPrompts } from './golden-prompts.ts'
import { type GreedyStep, openPeer, peerVersion } from './peer.ts'

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..')
const model = 'native/model/default.gguf'
const entriesKept = 50
const tokensEach = 16
const leastLead = 0.01
/** Begins every text and ends it; a completion that ends early has no sixteen tokens to compare. */
const endOfText = 0

const clear = (step: GreedyStep): boolean => step.lead >= leastLead && step.token !== endOfText
const leads = (steps: readonly GreedyStep[]): number[] => steps.map((step) => Math.round(step.lead * 1e4) / 1e4)

export async function makeGolden(): Promise<Golden> {
  const folder = mkdtempSync(path.join(tmpdir(), 'iw-golden-'))
  try {
    const modelPath = path.join(root, model)
    const twinPath = path.join(folder, 'twin.gguf')
    writeFloatTwin(modelPath, twinPath)
    await using peer = await openPeer(modelPath, 256)
    await using exact = await openPeer(twinPath, 256)
    const entries: GoldenEntry[] = []
    const leftOut = { unclear: 0, rounded: 0 }
    for (const prompt of goldenPrompts) {
      if (entries.length === entriesKept) break
      const promptTokens = [endOfText, ...peer.tokenize(prompt)]
      const steps = await peer.greedy(promptTokens, tokensEach)
      const exactSteps = await exact.greedy(promptTokens, tokensEach)
      if (!steps.every(clear)) leftOut.unclear++
      else if (!exactSteps.every((step, i) => step.token === steps[i]?.token && clear(step))) leftOut.rounded++
      else {
        const tokens = steps.map((step) => step.token)
        const text = peer.text(tokens)
        entries.push({ prompt, promptTokens, text, tokens, leads: leads(steps), exactLeads: leads(exactSteps) })
      }
    }
    if (entries.length < entriesKept) throw new Error(`only ${entries.length} prompts are clear: add candidates`)
    return {
      peer: `node-llama-cpp ${peerVersion()}`,
      model,
      modelSha256: createHash('sha256').update(readFileSync(modelPath)).digest('hex'),
      rule: `the first ${entriesKept} candidates whose ${tokensEach} tokens the peer chooses alike on the file and on its weights as floats, each with a lead of ${leastLead} or more over the second choice (probabilities), none of them end-of-text`,
      leftOut,
      entries,
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
