// Loading by right and wrong options: what is wrong is named, and nothing is left running.

import { existsSync, statSync, writeFileSync } from 'node:fs'
import * as path from 'node:path'
import { describe, expect, it } from 'vitest'
import type { EngineOptions } from '../../native/host/addon.ts'
import { engineOptions, nativeAddon, openEngine, temporaryFolder } from '../helpers/native-engine.ts'
import { randomDeepseek, randomLlama, testEndToken, testVocabularySize } from '../helpers/random-model.ts'

const model = randomLlama({ type: 'Q8_0', tied: true })

describe('a load', () => {
  it.each([
    ['no batch', { maxBatch: 0 }, 'OPTION_INVALID', /max_batch/],
    ['a step smaller than the batch', { maxBatch: 8, stepTokens: 4 }, 'OPTION_INVALID', /step_tokens/],
    ['a pool of nothing', { kvTokens: 0 }, 'OPTION_INVALID', /kv_tokens/],
    ['an unknown instruction set', { isa: 'neon' as 'avx2' }, 'OPTION_INVALID', /isa neon: unknown/],
    [
      'a page in no folder',
      { telemetryPath: '/nonexistent/page' },
      'OPTION_INVALID',
      /telemetry file \/nonexistent\/page: /,
    ],
    [
      'a model that is not there',
      { modelPath: '/nonexistent.gguf' },
      'MODEL_NOT_FOUND',
      /nonexistent\.gguf: No such file/,
    ],
    ['a model that is a folder', { modelPath: '/tmp' }, 'MODEL_NOT_FOUND', /not a regular file/],
  ])('with %s is rejected by name', async (_title, more, code, words) => {
    using place = temporaryFolder()
    const options: EngineOptions = engineOptions(place.folder, model, more)
    const error = await nativeAddon()
      .load(options, () => undefined)
      .then(
        () => null,
        (reason: Error & { code: string }) => reason,
      )
    expect(error?.code).toBe(code)
    expect(error?.message).toMatch(words)
  })

  it.each([
    ['a text for a number', { threads: 'two' as never }, /threads is not a number/],
    ['half a thread', { threads: 0.5 }, /threads is not a whole number/],
    ['a number for a text', { modelPath: 5 as never }, /modelPath is not a text/],
    ['an infinite pool', { kvTokens: Number.POSITIVE_INFINITY }, /kvTokens is not a number/],
  ])('with %s throws at once, by name', (_title, more, words) => {
    using place = temporaryFolder()
    expect(() => nativeAddon().load({ ...engineOptions(place.folder, model), ...more }, () => undefined)).toThrow(words)
  })

  it('says what the model is, in both architectures', async () => {
    await using llama = await openEngine(model)
    expect(llama.handle.info).toMatchObject({
      architecture: 'llama',
      layers: 2,
      embedding: 64,
      contextTokens: 256,
      vocabulary: testVocabularySize,
      weightType: 'Q8_0',
      tokenizer: {
        model: 'gpt2',
        pre: 'gpt-2',
        eos: testEndToken,
        bos: testEndToken,
        addBos: false,
        chatTemplate: null,
      },
    })
    expect(llama.handle.info.parameters).toBe(model.tensors.reduce((sum, one) => sum + one.values.length, 0))
    await using deepseek = await openEngine(randomDeepseek({ type: 'F32' }))
    expect(deepseek.handle.info).toMatchObject({ architecture: 'deepseek2', layers: 3, weightType: 'F32' })
  })

  it('makes a page that only its owner may read, in place of what lay there', async () => {
    using place = temporaryFolder()
    const page = path.join(place.folder, 'page')
    writeFileSync(page, 'of somebody before')
    await using engine = await openEngine(model, { telemetryPath: page })
    expect(statSync(page)).toMatchObject({ size: 4096 })
    expect(statSync(page).mode & 0o777).toBe(0o600)
    expect(engine.stats()).toMatchObject({ running: 0, waiting: 0, kvTokensTotal: 4096 })
    expect(existsSync(engine.options.modelPath)).toBe(true)
  })

  it('rounds the pool up to whole blocks and holds no memory before it is needed', async () => {
    await using engine = await openEngine(model, { kvTokens: 17 })
    expect(engine.stats()).toMatchObject({ kvTokensTotal: 32, kvTokensReserved: 0, kvBytesReserved: 0 })
  })
})
