// A model file is doubted in everything it says of itself: cut anywhere, lying about any number, it is refused with words that name the
// place, and the engine never crashes on it.

import { describe, expect, it } from 'vitest'
import { type GgufFile, type GgufTensor, type GgufValue, writeGguf } from '../helpers/gguf-writer.ts'
import { random } from '../helpers/random.ts'
import { randomDeepseek, randomLlama } from '../helpers/random-model.ts'
import { type Damage, type Loaded, loadInChild } from './load-in-child.ts'

const sound = randomLlama({ type: 'F32', layers: 1, embedding: 32, heads: 2, kvHeads: 1, feedForward: 32 })

const loadOne = (file: GgufFile): Loaded => loadInChild(writeGguf(file).bytes, [{}])[0]!
const withKey = (key: string, value: GgufValue | null, file: GgufFile = sound): GgufFile => {
  const keys = new Map(file.keys)
  if (value === null) keys.delete(key)
  else keys.set(key, value)
  return { ...file, keys }
}
const withTensor = (name: string, change: Partial<GgufTensor> | null, file: GgufFile = sound): GgufFile => ({
  ...file,
  tensors: file.tensors.flatMap((tensor) =>
    tensor.name !== name ? [tensor] : change === null ? [] : [{ ...tensor, ...change }],
  ),
})
const u64 = (value: bigint): number[] => Array.from({ length: 8 }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn))
const u32 = (value: number): number[] => u64(BigInt(value)).slice(0, 4)
const raw = (...parts: readonly (readonly number[])[]): GgufValue => ({ raw: Uint8Array.from(parts.flat()) })

describe('a file that is cut short', () => {
  const { bytes, sections } = writeGguf(sound)
  const dataBegin = sections.get('data token_embd.weight')!
  const lastTensor = sections.get(`data ${sound.tensors.at(-1)!.name}`)!

  it('is refused at every single byte of the header', () => {
    const damages = Array.from({ length: dataBegin - 1 }, (_, i) => ({ cut: i + 1 }))
    const results = loadInChild(bytes, damages)
    const taken = results.findIndex((one) => one.code !== 'MODEL_INVALID')
    expect(taken === -1 ? null : { cut: damages[taken]!.cut, ...results[taken]! }).toBeNull()
    for (const one of results) expect(one.message).toMatch(/cut short/)
  })

  it.each(
    [...sections].filter(([name]) => name !== 'header' && name !== 'end').map(([name, at]) => ({ name, at })),
  )('names what is missing when it ends where $name begins', ({ name, at }) => {
    const [before] = loadInChild(bytes, [{ cut: at }])
    expect(before!.code).toBe('MODEL_INVALID')
    expect(before!.message).toMatch(name.startsWith('data ') ? /tensor .* cut short/ : /cut short in (key|tensor) \d+ /)
  })

  it('is refused one byte before the end of the last tensor and taken at it', () => {
    const last = sound.tensors.at(-1)!
    const end = lastTensor + last.values.length * 4
    const [short, whole] = loadInChild(bytes, [{ cut: end - 1 }, { cut: end }])
    expect(short!.message).toContain(`tensor ${last.name} reaches past the end of the file`)
    expect(whole).toEqual({ code: null, message: '' })
  })

  it('is refused when nothing is left of it', () => {
    expect(loadInChild(bytes, [{ cut: 0 }])[0]).toMatchObject({ code: 'MODEL_INVALID', message: /empty/ as never })
  })
})

describe('a file that lies', () => {
  const first = sound.tensors[0]!
  const huge = 2n ** 63n
  const cases: readonly (readonly [title: string, file: GgufFile, code: string, words: RegExp])[] = [
    ['about its version', { ...sound, version: 2 }, 'MODEL_UNSUPPORTED', /version 2; supported: 3/],
    ['about the tensor count (2^63)', { ...sound, statedTensors: huge }, 'MODEL_INVALID', /9223372036854775808 tensors/],
    ['about the key count (2^64 - 1)', { ...sound, statedKeys: 2n ** 64n - 1n }, 'MODEL_INVALID', /18446744073709551615 keys/],
    ['with one tensor too many', { ...sound, statedTensors: BigInt(sound.tensors.length + 1) }, 'MODEL_INVALID', /./],
    ['with one key too few', { ...sound, statedKeys: BigInt(sound.keys.size - 1) }, 'MODEL_INVALID', /./],
    ['about the length of a text (2^63)', withKey('general.name', raw(u32(8), u64(huge))), 'MODEL_INVALID', /general\.name.*9223372036854775808/],
    ['about the length of a text (a little too long)', withKey('z', raw(u32(8), u64(16_000_000n))), 'MODEL_INVALID', /key z/],
    ['about the length of a list (2^63)', withKey('z', raw(u32(9), u32(4), u64(huge))), 'MODEL_INVALID', /key z.*9223372036854775808 elements/],
    ['about the length of a list of texts', withKey('z', raw(u32(9), u32(8), u64(16_000_000n))), 'MODEL_INVALID', /key z/],
    ['with a list of lists', withKey('z', raw(u32(9), u32(9), u64(1n))), 'MODEL_INVALID', /key z: array of unknown type 9/],
    ['with an unknown value type', withKey('z', raw(u32(77))), 'MODEL_INVALID', /key z: unknown value type 77/],
    ['about an alignment that is no power of two', withKey('general.alignment', { u32: 48 }), 'MODEL_INVALID', /general\.alignment/],
    ['about an alignment of 0', withKey('general.alignment', { u32: 0 }), 'MODEL_INVALID', /general\.alignment/],
    ['about an alignment that is a text', withKey('general.alignment', { text: '32' }), 'MODEL_INVALID', /general\.alignment/],
    ['about an offset (2^63)', withTensor(first.name, { statedOffset: huge }), 'MODEL_INVALID', /token_embd\.weight reaches past/],
    ['about an offset (2^64 - 32)', withTensor(first.name, { statedOffset: 2n ** 64n - 32n }), 'MODEL_INVALID', /token_embd\.weight reaches past/],
    ['about an offset that is not aligned', withTensor(first.name, { statedOffset: 4n }), 'MODEL_INVALID', /token_embd\.weight is not aligned/],
    ['with tensors over each other', withTensor(sound.tensors[2]!.name, { statedOffset: 0n }), 'MODEL_INVALID', /overlaps/],
    ['with a tensor of no dimensions', withTensor(first.name, { statedDims: [] }), 'MODEL_INVALID', /token_embd\.weight has 0 dimensions/],
    ['with a tensor of five dimensions', withTensor(first.name, { statedDims: [1, 1, 1, 1, 1] }), 'MODEL_INVALID', /token_embd\.weight has 5 dimensions/],
    ['with a dimension of 0', withTensor(first.name, { statedDims: [0, 8] }), 'MODEL_INVALID', /token_embd\.weight has an impossible size/],
    ['with a dimension of 2^63', withTensor(first.name, { statedDims: [huge] }), 'MODEL_INVALID', /token_embd\.weight has an impossible size/],
    ['with dimensions whose product overflows', withTensor(first.name, { statedDims: [2n ** 33n, 2n ** 33n] }), 'MODEL_INVALID', /impossible size/],
    ['with the dimensions turned round', withTensor(first.name, { statedDims: [...first.dims].reverse() }), 'MODEL_INVALID', /token_embd\.weight has shape \[288, 32\], expected \[32, 288\]/],
    ['with a Q8_0 row that is no whole block', withTensor(first.name, { statedType: 8, statedDims: [33, 2] }), 'MODEL_INVALID', /token_embd\.weight has rows of 33 elements, not a multiple of 32/],
    ['with a norm in Q8_0', withTensor('output_norm.weight', { statedType: 8 }), 'MODEL_UNSUPPORTED', /output_norm\.weight has type Q8_0/],
    ['with the same tensor twice', { ...sound, tensors: [...sound.tensors, first] }, 'MODEL_INVALID', /tensor token_embd\.weight appears twice/],
    ['about the heads', withKey('llama.attention.head_count', { u32: 3 }), 'MODEL_INVALID', /./],
    ['about the layers', withKey('llama.block_count', { u32: 2 }), 'MODEL_INVALID', /tensor blk\.1\.attn_norm\.weight is missing/],
    ['about a number that is a text', withKey('llama.block_count', { text: '1' }), 'MODEL_INVALID', /llama\.block_count is not a finite number/],
    ['about a number that is no whole one', withKey('llama.block_count', { f32: 1.5 }), 'MODEL_INVALID', /llama\.block_count is 1\.5/],
    ['about a number that is NaN', withKey('llama.attention.layer_norm_rms_epsilon', { f32: Number.NaN }), 'MODEL_INVALID', /layer_norm_rms_epsilon is not a finite number/],
    ['about the vocabulary', withKey('tokenizer.ggml.tokens', { texts: ['a', 'b'] }), 'MODEL_INVALID', /token_embd\.weight has shape/],
    ['about a token that ends a text', withKey('tokenizer.ggml.eos_token_id', { u32: 5000 }), 'MODEL_INVALID', /eos_token_id/],
    ['about the kind of its tokenizer', withKey('tokenizer.ggml.model', { u32: 7 }), 'MODEL_INVALID', /tokenizer\.ggml\.model is not a text/],
    ['about the tokens, which are numbers', withKey('tokenizer.ggml.tokens', { i32s: [1, 2] }), 'MODEL_INVALID', /tokenizer\.ggml\.tokens is not a list of texts/],
    ['about the merges, which are numbers', withKey('tokenizer.ggml.merges', { i32s: [1, 2] }), 'MODEL_INVALID', /tokenizer\.ggml\.merges is not a list of texts/],
    ['about the token types, which are texts', withKey('tokenizer.ggml.token_type', { texts: ['a'] }), 'MODEL_INVALID', /tokenizer\.ggml\.token_type is not a list of numbers/],
    ['about the chat template, which is a number', withKey('tokenizer.chat_template', { u32: 1 }), 'MODEL_INVALID', /tokenizer\.chat_template is not a text/],
  ] // biome-ignore format: a table
  it.each(cases.map(([title, file, code, words]) => ({ title, file, code, words })))('$title is refused by name', ({
    file,
    code,
    words,
  }) => {
    const found = loadOne(file)
    expect(found.code).toBe(code)
    expect(found.message).toMatch(words)
  })

  it('with the same key twice is refused by name', () => {
    const { bytes, sections } = writeGguf(withKey('general.namf', { text: 'x' }))
    const at = sections.get('key general.namf')! + 8 + 'general.nam'.length
    const [found] = loadInChild(bytes, [{ patch: [[at, ['e'.charCodeAt(0)]]] }])
    expect(found).toMatchObject({ code: 'MODEL_INVALID' })
    expect(found!.message).toContain('key general.name appears twice')
  })

  it('with a name of a million bytes gets an answer of ordinary length', () => {
    for (const file of [
      withKey('k'.repeat(1_000_000), raw(u32(77))),
      withKey('k'.repeat(60_000), raw(u32(77))),
      withTensor(first.name, { name: 't'.repeat(60_000), statedDims: [] }),
      withKey('general.architecture', { text: 'a'.repeat(1_000_000) }),
    ]) {
      const found = loadOne(file)
      expect(found.code).not.toBeNull()
      expect(found.message.length).toBeLessThan(600)
    }
  })
})

describe('a model that this engine cannot run', () => {
  it.each([
    [2, 'Q4_0'],
    [3, 'Q4_1'],
    [6, 'Q5_0'],
    [12, 'Q4_K'],
    [14, 'Q6_K'],
    [30, 'BF16'],
    [99, 'type 99'],
    [0xffffffff, 'type 4294967295'],
  ] as const)('with a tensor of type %i is refused as %s', (statedType, name) => {
    const found = loadOne(withTensor('token_embd.weight', { statedType }))
    expect(found.code).toBe('MODEL_UNSUPPORTED')
    expect(found.message).toContain(`tensor token_embd.weight has type ${name}; supported: F32, F16, Q8_0`)
  })

  it.each([
    ['another architecture', withKey('general.architecture', { text: 'mamba' }), /architecture mamba; supported: llama, deepseek2/],
    ['scaled rope', withKey('llama.rope.scaling.type', { text: 'yarn' }), /rope\.scaling\.type is yarn/],
    ['experts in a llama', withKey('llama.expert_count', { u32: 8 }), /expert_count/],
    ['values wider than keys', withKey('llama.attention.value_length', { u32: 8 }), /attention\.value_length/],
  ] as const)('with %s is refused by name', (_title, file, words) => {
    const found = loadOne(file)
    expect(found.code).toBe('MODEL_UNSUPPORTED')
    expect(found.message).toMatch(words)
  }) // biome-ignore format: a table
})

describe('a key that is missing', () => {
  const deepseek = randomDeepseek({ type: 'F32', layers: 2, embedding: 32, heads: 2, queryRank: 0, experts: 4 })
  const keys = (file: GgufFile, names: readonly string[]) => names.map((name) => ({ name, file }))
  it.each([
    ...keys(sound, [
      'general.architecture',
      'llama.block_count',
      'llama.embedding_length',
      'llama.context_length',
      'llama.attention.head_count',
      'llama.feed_forward_length',
      'tokenizer.ggml.tokens',
    ]),
    ...keys(deepseek, [
      'deepseek2.attention.kv_lora_rank',
      'deepseek2.rope.dimension_count',
      'deepseek2.attention.key_length_mla',
      'deepseek2.attention.value_length_mla',
      'deepseek2.expert_count',
      'deepseek2.expert_used_count',
      'deepseek2.expert_feed_forward_length',
    ]),
  ])('is named with its file: $name', ({ name, file }) => {
    const found = loadOne(withKey(name, null, file))
    expect(found.code).toMatch(/^MODEL_(?:INVALID|UNSUPPORTED)$/)
    expect(found.message).toContain('model.gguf.damaged: key')
    expect(found.message).toContain(name.replace('key_length_mla', '').replace('value_length_mla', ''))
  })

  it.each(
    sound.tensors.map((tensor) => tensor.name).filter((name) => name !== 'output.weight'),
  )('or a tensor, %s, likewise', (name) => {
    expect(loadOne(withTensor(name, null)).message).toContain(`tensor ${name} is missing`)
  })
})

describe('noise', () => {
  it.each([11, 12, 13])('in the header never crashes the engine (seed %i)', (seed) => {
    const source = random(seed)
    const { bytes, sections } = writeGguf(
      seed % 2 === 0 ? randomDeepseek({ type: 'Q8_0', layers: 2, embedding: 32, heads: 2, experts: 4 }) : sound,
    )
    const header = [...sections].find(([name]) => name.startsWith('data '))![1]
    // Most of a header is the vocabulary; half of the damage goes to what lies before and behind it.
    const tokens = sections.get('key tokenizer.ggml.tokens')!
    const behind = sections.get('key tokenizer.ggml.bos_token_id')!
    const place = (): number =>
      source.pick([
        () => source.integer(0, header - 1),
        () => source.integer(0, tokens + 40),
        () => source.integer(behind, header - 1),
      ])()
    const damages: Damage[] = Array.from({ length: 700 }, () => ({
      patch: Array.from({ length: source.integer(1, 3) }, () => [
        place(),
        source.pick([
          () => [source.integer(0, 255)],
          () => u32(source.pick([0, 1, 0x7fffffff, 0x80000000, 0xffffffff])),
          () => u64(source.pick([0n, 2n ** 31n, 2n ** 32n, 2n ** 63n, 2n ** 64n - 1n])),
        ])(),
      ]),
    }))
    const results = loadInChild(bytes, damages)
    const codes = new Set(results.map((one) => one.code))
    expect([...codes].filter((code) => code === 'NO_CODE')).toEqual([])
    expect(codes.has('MODEL_INVALID')).toBe(true)
    for (const one of results) expect(one.message.length).toBeLessThan(600)
  })
})
