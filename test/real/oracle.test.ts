// Does the engine compute what the field computes? On random models of both architectures the distributions after every position agree
// with node-llama-cpp, and greedy text is the same as far as its choices are clear.

import { describe, expect, it } from 'vitest'
import type { GgufFile, TensorType } from '../helpers/gguf-writer.ts'
import { engineOptions, nativeAddon, openEngine, temporaryFolder } from '../helpers/native-engine.ts'
import { random } from '../helpers/random.ts'
import { randomDeepseek, randomLlama, routings, testVocabularySize } from '../helpers/random-model.ts'
import { divergence, openPeer } from './peer.ts'

const largestDivergence = 1e-4
/** Below this lead of the first choice over the second, rounding may decide. */
const clearMargin = 1e-3
const types: readonly TensorType[] = ['F32', 'F16', 'Q8_0']

type Case = { readonly title: string; readonly model: GgufFile }
const cases: readonly Case[] = types.flatMap((type) => [
  {
    title: `llama ${type}`,
    model: randomLlama({ type, seed: 11, embedding: 128, heads: 8, kvHeads: 2, feedForward: 160 }),
  },
  { title: `llama ${type}, tied embeddings`, model: randomLlama({ type, seed: 12, tied: true, heads: 2, kvHeads: 2 }) },
  ...routings.map((routing) => ({
    title: `deepseek2 ${type}, ${routing}`,
    model: randomDeepseek({ type, seed: 13, routing, embedding: 128, latentRank: 64, sharedExperts: 2, layers: 4 }),
  })),
])

describe.each(cases)('$title', ({ model }) => {
  it('has the distributions of the peer after every position, in one pass and token by token', async () => {
    using place = temporaryFolder()
    const source = random(5)
    const tokens = Array.from({ length: 96 }, () => source.integer(0, testVocabularySize - 1))
    const options = engineOptions(place.folder, model)
    await using peer = await openPeer(options.modelPath, 256)
    const theirs = await peer.logits(tokens)
    for (const oneByOne of [false, true]) {
      const ours = await nativeAddon().logits(options, Int32Array.from(tokens), oneByOne)
      const worst = Math.max(
        ...theirs.map((row, i) => divergence(row, ours.subarray(i * testVocabularySize, (i + 1) * testVocabularySize))),
      )
      expect(worst).toBeLessThanOrEqual(largestDivergence)
    }
  })

  it('gives the same greedy text as far as the choices are clear', async () => {
    await using engine = await openEngine(model)
    await using peer = await openPeer(engine.options.modelPath, 256)
    for (const seed of [1, 2, 3]) {
      const source = random(seed)
      const prompt = Array.from({ length: 8 }, () => source.integer(0, testVocabularySize - 1))
      const steps = await peer.greedy(prompt, 24)
      const unclear = steps.findIndex((step) => step.margin <= clearMargin)
      const clear = steps.slice(0, unclear === -1 ? steps.length : unclear).map((step) => step.token)
      expect(clear.length).toBeGreaterThan(0)
      const answer = await engine.generate({ tokens: prompt, maxTokens: 24 })
      expect(answer.tokens.slice(0, clear.length)).toEqual(clear)
    }
  })
})
