// Text to tokens and back, from the vocabulary that the GGUF carries. Byte-level BPE only; another kind of tokenizer is refused by name,
// since a wrong split gives fluent nonsense and no error.

import { Tokenizer as BpeTokenizer } from '@huggingface/tokenizers'
import { exitCodes, InferwardError } from '../../core/base/errors.ts'
import type { ModelInfo } from './addon.ts'

const controlType = 3

/** Pre-tokenizers by the name in `tokenizer.ggml.pre`. */
const preTokenizers: Readonly<Record<string, readonly object[]>> = {
  'gpt-2': [{ type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true }],
  smollm: [
    { type: 'Digits', individual_digits: true },
    { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
  ],
}

export type Tokenizer = {
  /** With the beginning-of-text token in front when the model wants one. */
  encode(text: string): Int32Array
  /** Bytes of the longest token: a text of more than this many times the context cannot fit, and need not be split to know it. */
  readonly longestBytes: number
  /** A decoder for one response: give it tokens, it gives back the text that is complete so far. */
  stream(): Detokenizer
  /** Tokens that end a response. */
  readonly stops: Int32Array
  /** The text of one token as it is written in the vocabulary, for log-probabilities. */
  text(token: number): string
}

export type Detokenizer = {
  /** Text that became complete with this token; an unfinished UTF-8 character is held back. */
  push(token: number): string
  /** What is left at the end; half a character becomes U+FFFD. */
  end(): string
}

export function openTokenizer(info: ModelInfo): Tokenizer {
  const { tokenizer } = info
  if (tokenizer.model !== 'gpt2') throw refuse('tokenizer.ggml.model', tokenizer.model, ['gpt2'])
  const pre = Object.hasOwn(preTokenizers, tokenizer.pre) ? preTokenizers[tokenizer.pre] : undefined
  if (pre === undefined) throw refuse('tokenizer.ggml.pre', tokenizer.pre, Object.keys(preTokenizers))

  const control = tokenizer.tokens.flatMap((content, id) =>
    tokenizer.types[id] === controlType ? [{ id, content }] : [],
  )
  const bpe = new BpeTokenizer(
    {
      version: '1.0',
      added_tokens: control.map(({ id, content }) => ({
        id,
        content,
        special: true,
        single_word: false,
        lstrip: false,
        rstrip: false,
        normalized: false,
      })),
      normalizer: null,
      pre_tokenizer: pre.length === 1 ? pre[0] : { type: 'Sequence', pretokenizers: pre },
      post_processor: null,
      decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
      model: {
        type: 'BPE',
        dropout: null,
        unk_token: null,
        continuing_subword_prefix: '',
        end_of_word_suffix: '',
        fuse_unk: false,
        byte_fallback: false,
        vocab: Object.fromEntries(tokenizer.tokens.map((content, id) => [content, id])),
        merges: tokenizer.merges,
      },
    },
    {},
  )
  const bytes = tokenizer.tokens.map((content, id) =>
    tokenizer.types[id] === controlType ? new Uint8Array() : bytesOf(content),
  )

  return {
    encode(text) {
      const { ids } = bpe.encode(text, { add_special_tokens: false })
      return Int32Array.from(tokenizer.addBos && tokenizer.bos !== null ? [tokenizer.bos, ...ids] : ids)
    },
    stream() {
      const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
      return {
        push: (token) => decoder.decode(bytes[token] ?? new Uint8Array(), { stream: true }),
        end: () => decoder.decode(),
      }
    },
    // Control tokens have no bytes of their own, but a text may spell them out.
    longestBytes: bytes.reduce(
      (most, one, id) => Math.max(most, one.length, one.length === 0 ? Buffer.byteLength(tokenizer.tokens[id]!) : 0),
      1,
    ),
    stops: Int32Array.from(tokenizer.eos === null ? [] : [tokenizer.eos]),
    text: (token) => new TextDecoder('utf-8').decode(bytes[token] ?? new Uint8Array()),
  }
}

function refuse(key: string, value: string, known: readonly string[]): InferwardError {
  return new InferwardError({
    code: 'host.tokenizer',
    message: `${key} is "${value.slice(0, 100)}"; supported: ${known.join(', ')}`,
    hint: 'This engine would split text wrongly; use a model with a supported tokenizer.',
    exitCode: exitCodes.config,
  })
}

/** GPT-2 writes each byte as one printable character: printable Latin-1 as itself, the other 68 bytes from U+0100 on. */
const byteOf: ReadonlyMap<string, number> = (() => {
  const map = new Map<string, number>()
  let next = 256
  for (let byte = 0; byte < 256; byte++) {
    const printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174
    map.set(String.fromCharCode(printable ? byte : next++), byte)
  }
  return map
})()

function bytesOf(content: string): Uint8Array {
  const out: number[] = []
  for (const character of content) {
    const byte = byteOf.get(character)
    if (byte === undefined) return new TextEncoder().encode(content) // a user-defined token, written as plain text
    out.push(byte)
  }
  return Uint8Array.from(out)
}
