// Does the engine compute what the field computes? On random models of both architectures the distributions after every position agree
// with node-llama-cpp, and greedy text is the same as far as its choices are clear.

import { readFileSync } from 'node:fs'
import * as path from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import type { EngineOptions } from '../../native/host/addon.ts'
import type { GgufFile, TensorType } from '../helpers/gguf-writer.ts'
import { engineOptions, nativeAddon, openEngine, temporaryFolder } from '../helpers/native-engine.ts'
import { random } from '../helpers/random.ts'
import { randomDeepseek, randomLlama, routings, testVocabularySize } from '../helpers/random-model.ts'
import { writeFloatTwin } from './float-twin.ts'
import { divergence, openPeer, type Peer } from './peer.ts'

const defaultModel = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../native/model/default.gguf')
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

/** The peer on the same weights widened to floats: see float-twin.ts for why. */
async function floatPeer(modelPath: string): Promise<Peer> {
  const twin = `${modelPath}.f32`
  writeFloatTwin(modelPath, twin)
  return openPeer(twin, 256)
}

async function divergences(peer: Peer, options: EngineOptions, tokens: readonly number[], oneByOne: boolean) {
  const theirs = await peer.logits(tokens)
  const ours = await nativeAddon().logits(options, Int32Array.from(tokens), oneByOne)
  const width = ours.length / tokens.length
  return theirs.map((row, i) => divergence(row, ours.subarray(i * width, (i + 1) * width)))
}

const randomTokens = (seed: number, count: number): number[] => {
  const source = random(seed)
  return Array.from({ length: count }, () => source.integer(0, testVocabularySize - 1))
}

describe.each(cases)('$title', ({ model }) => {
  it('has the distributions of the peer after every position, in one pass and token by token', async () => {
    using place = temporaryFolder()
    const options = engineOptions(place.folder, model)
    await using peer = await floatPeer(options.modelPath)
    for (const oneByOne of [false, true]) {
      const found = await divergences(peer, options, randomTokens(5, 96), oneByOne)
      expect(Math.max(...found)).toBeLessThanOrEqual(largestDivergence)
    }
  })

  it('gives the same greedy text as far as the choices are clear', async () => {
    await using engine = await openEngine(model)
    await using peer = await floatPeer(engine.options.modelPath)
    let compared = 0
    for (const seed of [1, 2, 3, 4]) {
      const prompt = randomTokens(seed, 8)
      const steps = await peer.greedy(prompt, 24)
      const unclear = steps.findIndex((step) => step.margin <= clearMargin)
      const clear = steps.slice(0, unclear === -1 ? steps.length : unclear).map((step) => step.token)
      const answer = await engine.generate({ tokens: prompt, maxTokens: 24 })
      expect(answer.tokens.slice(0, clear.length)).toEqual(clear)
      compared += clear.length
    }
    expect(compared).toBeGreaterThan(48)
  })
})

describe('the very same file, where the peer rounds its activations', () => {
  // No experts here: a rounded activation may choose another expert, which compares models, not engines.
  it.each([
    { type: 'F16' as const, limit: 1e-4 },
    { type: 'Q8_0' as const, limit: 5e-3 },
  ])('llama $type agrees within that rounding', async ({ type, limit }) => {
    using place = temporaryFolder()
    const options = engineOptions(place.folder, randomLlama({ type, seed: 14, embedding: 128, feedForward: 160 }))
    await using peer = await openPeer(options.modelPath, 256)
    expect(Math.max(...(await divergences(peer, options, randomTokens(6, 96), false)))).toBeLessThanOrEqual(limit)
  })
})

describe('the model in the box', () => {
  it('has the distributions of the peer on ordinary text', async () => {
    using place = temporaryFolder()
    const options = engineOptions(place.folder, readFileSync(defaultModel))
    await using peer = await floatPeer(options.modelPath)
    const tokens = peer.tokenize(
      'In the beginning there was a word, and the word was spoken by a man who lived near the sea.',
    )
    expect(tokens.length).toBeGreaterThan(10)
    expect(Math.max(...(await divergences(peer, options, tokens, true)))).toBeLessThanOrEqual(largestDivergence)
  })
})
