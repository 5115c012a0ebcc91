// Text to tokens and back: nothing is lost, no stream shows half a character, and a tokenizer that would split wrongly is refused by name.

import { describe, expect, it } from 'vitest'
import type { ModelInfo } from '../../../native/host/addon.ts'
import { openTokenizer } from '../../../native/host/tokenizer.ts'
import { openEngine } from '../../helpers/native-engine.ts'
import { random } from '../../helpers/random.ts'
import { randomLlama, testEndToken, testVocabularySize } from '../../helpers/random-model.ts'

async function info(): Promise<ModelInfo> {
  await using engine = await openEngine(randomLlama({ type: 'F32', layers: 1 }))
  return engine.handle.info
}

const texts = [
  'the cat and the other',
  '你好,世界。',
  '🙂👩‍👩‍👧‍👦 flags 🇨🇳',
  'a\u0000b\tc\r\nd',
  '\ufeffbegins with a mark',
  'e\u0301 combines',
  '  leading and   inner spaces ',
  "it's 1234567 years; they'll've",
]

describe('the tokenizer of a byte-level vocabulary', () => {
  it.each(texts)('gives back %j, token by token, with no half a character on the way', async (text) => {
    const tokenizer = openTokenizer(await info())
    const tokens = tokenizer.encode(text)
    const stream = tokenizer.stream()
    let seen = ''
    for (const token of tokens) {
      const fresh = stream.push(token)
      expect(fresh).not.toContain('\ufffd')
      seen += fresh
      expect(text.startsWith(seen)).toBe(true)
    }
    expect(seen + stream.end()).toBe(text)
  })

  it('holds an emoji back until its last byte, and shows a half one only at the end', async () => {
    const tokenizer = openTokenizer(await info())
    const tokens = [...tokenizer.encode('🙂')]
    expect(tokens.length).toBeGreaterThan(1)
    const stream = tokenizer.stream()
    expect(tokens.map((token) => stream.push(token))).toEqual([...tokens.slice(1).map(() => ''), '🙂'])
    const broken = tokenizer.stream()
    for (const token of tokens.slice(0, -1)) expect(broken.push(token)).toBe('')
    expect(broken.end()).toBe('\ufffd')
  })

  it('reads any tokens whatever without losing the thread (seed 91)', async () => {
    const model = await info()
    const tokenizer = openTokenizer(model)
    const { tokens: vocabulary } = model.tokenizer
    // The first 256 tokens of this vocabulary are the bytes in order, and the merges are spelled with them.
    const bytesOf = (token: number): number[] =>
      token === testEndToken ? [] : [...vocabulary[token]!].map((character) => vocabulary.indexOf(character))
    const source = random(91)
    for (let n = 0; n < 200; n++) {
      const stream = tokenizer.stream()
      const tokens = Array.from({ length: 30 }, () => source.integer(0, testVocabularySize - 1))
      const bytes = tokens.flatMap(bytesOf)
      const text = tokens.map((token) => stream.push(token)).join('') + stream.end()
      expect(text).toBe(new TextDecoder('utf-8', { ignoreBOM: true }).decode(Uint8Array.from(bytes)))
    }
  })

  it('uses its merges, and puts the beginning of a text in front only when the model wants it', async () => {
    const model = await info()
    expect(openTokenizer(model).encode('the').length).toBe(1)
    const begun = openTokenizer({ ...model, tokenizer: { ...model.tokenizer, addBos: true } })
    expect([...begun.encode('the')][0]).toBe(testEndToken)
    expect(begun.encode('').length).toBe(1)
  })

  it('takes a control token that is spelled out as that token, and shows nothing for it', async () => {
    const tokenizer = openTokenizer(await info())
    expect([...tokenizer.encode('<|end|>')]).toEqual([testEndToken])
    expect(tokenizer.stream().push(testEndToken)).toBe('')
    expect([...tokenizer.stops]).toEqual([testEndToken])
    expect(tokenizer.longestBytes).toBe('<|end|>'.length)
  })

  it.each([
    ['an unknown tokenizer.ggml.model', { model: 'llama' }, /tokenizer\.ggml\.model is "llama"; supported: gpt2/],
    ['an unknown tokenizer.ggml.pre', { pre: 'qwen2' }, /tokenizer\.ggml\.pre is "qwen2"; supported: gpt-2, smollm/],
    ['a prototype name as tokenizer.ggml.pre', { pre: 'constructor' }, /tokenizer\.ggml\.pre is "constructor"/],
    ['a very long name', { pre: 'x'.repeat(5000) }, /^.{0,200}$/],
  ])('refuses %s by name', async (_title, more, words) => {
    const model = await info()
    expect(() => openTokenizer({ ...model, tokenizer: { ...model.tokenizer, ...more } })).toThrow(words)
  })
})
