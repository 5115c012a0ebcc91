// Tiny models with random weights in both architectures the engine knows, complete with a byte-level vocabulary, so that tests need no
// download. The weights are scaled to give distributions that are neither flat nor certain.

import type { GgufFile, GgufTensor, GgufValue, TensorType } from './gguf-writer.ts'
import { type Random, random } from './random.ts'

export type LlamaShape = {
  readonly type: TensorType
  readonly seed?: number
  readonly layers?: number
  readonly embedding?: number
  readonly heads?: number
  readonly kvHeads?: number
  readonly feedForward?: number
  readonly context?: number
  /** The head is the embedding. */
  readonly tied?: boolean
}

export type DeepseekShape = {
  readonly type: TensorType
  readonly seed?: number
  readonly layers?: number
  readonly denseLayers?: number
  readonly embedding?: number
  readonly heads?: number
  /** 0 = queries are not compressed. */
  readonly queryRank?: number
  readonly latentRank?: number
  readonly experts?: number
  readonly activeExperts?: number
  readonly sharedExperts?: number
  readonly routing?: Routing
  readonly context?: number
}

/** The three ways the field routes tokens: by sigmoid and bias, the same within groups, by softmax. */
export type Routing = 'sigmoid' | 'sigmoid-groups' | 'softmax'
export const routings: readonly Routing[] = ['sigmoid', 'sigmoid-groups', 'softmax']

const vocabulary = testVocabulary()

/** 256 byte tokens, a few merges, and `<|end|>` (control, also begin and end of text). */
function testVocabulary(): { tokens: string[]; merges: string[]; types: number[]; end: number } {
  const tokens = byteTokens()
  const merges: string[] = []
  for (const [left, right] of [
    ['t', 'h'],
    ['th', 'e'],
    ['Ġ', 'the'],
    ['i', 'n'],
    ['a', 'n'],
    ['an', 'd'],
    ['Ġ', 'and'],
    ['e', 'r'],
    ['o', 'n'],
    ['r', 'e'],
    ['Ġ', 'a'],
    ['Ġ', 's'],
    ['o', 'u'],
    ['i', 's'],
    ['e', 's'],
    ['Ġ', 'o'],
    ['Ġo', 'f'],
    ['l', 'l'],
    ['ä', '½'],
    ['a', 't'],
    ['e', 'n'],
    ['i', 't'],
    ['Ġ', 'w'],
    ['in', 'g'],
    ['Ġ', 't'],
    ['o', 'r'],
    ['Ġ', 'm'],
    ['Ġ', 'c'],
    ['s', 't'],
    ['Ġ', 'b'],
    ['Ġ', 'f'],
  ] as const) {
    // biome-ignore format: a table
    merges.push(`${left} ${right}`)
    tokens.push(left + right)
  }
  const end = tokens.length
  tokens.push('<|end|>')
  return { tokens, merges, types: tokens.map((_, i) => (i === end ? 3 : 1)), end }
}

/** How byte-level vocabularies spell the 256 bytes: printable ones as themselves, the rest from U+0100 on. */
function byteTokens(): string[] {
  const printable = (byte: number): boolean =>
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae
  let next = 0x100
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(printable(byte) ? byte : next++))
}

export const testVocabularySize = vocabulary.tokens.length
export const testEndToken = vocabulary.end

function commonKeys(architecture: string, name: string): Map<string, GgufValue> {
  return new Map<string, GgufValue>([
    ['general.architecture', { text: architecture }],
    ['general.name', { text: name }],
    ['tokenizer.ggml.model', { text: 'gpt2' }],
    ['tokenizer.ggml.pre', { text: 'gpt-2' }],
    ['tokenizer.ggml.tokens', { texts: vocabulary.tokens }],
    ['tokenizer.ggml.token_type', { i32s: vocabulary.types }],
    ['tokenizer.ggml.merges', { texts: vocabulary.merges }],
    ['tokenizer.ggml.bos_token_id', { u32: vocabulary.end }],
    ['tokenizer.ggml.eos_token_id', { u32: vocabulary.end }],
    ['tokenizer.ggml.add_bos_token', { bool: false }],
  ])
}

class TensorList {
  readonly tensors: GgufTensor[] = []
  private readonly source: Random
  private readonly type: TensorType
  constructor(seed: number, type: TensorType) {
    this.source = random(seed)
    this.type = type
  }
  /** `dims` fastest first; the standard deviation defaults to 1/sqrt(columns), which keeps magnitudes through a layer. */
  matrix(name: string, dims: readonly number[], deviation = 1 / Math.sqrt(dims[0]!), type = this.type): void {
    const values = new Float32Array(dims.reduce((a, b) => a * b, 1))
    for (let i = 0; i < values.length; i++) values[i] = this.source.normal() * deviation
    this.tensors.push({ name, dims, type, values })
  }
  norm(name: string, width: number): void {
    const values = new Float32Array(width)
    for (let i = 0; i < width; i++) values[i] = 1 + 0.1 * this.source.normal()
    this.tensors.push({ name, dims: [width], type: 'F32', values })
  }
  bias(name: string, width: number): void {
    const values = new Float32Array(width)
    for (let i = 0; i < width; i++) values[i] = 0.2 * this.source.normal()
    this.tensors.push({ name, dims: [width], type: 'F32', values })
  }
  ffn(prefix: string, suffix: string, embedding: number, width: number): void {
    this.matrix(`${prefix}ffn_gate${suffix}.weight`, [embedding, width])
    this.matrix(`${prefix}ffn_up${suffix}.weight`, [embedding, width])
    this.matrix(`${prefix}ffn_down${suffix}.weight`, [width, embedding])
  }
}

/** Logits of a standard deviation near 3: a clear first choice without certainty. */
const headDeviation = (embedding: number): number => 3 / Math.sqrt(embedding)

export function randomLlama(shape: LlamaShape): GgufFile {
  const { layers = 2, embedding = 64, heads = 4, kvHeads = 2, feedForward = 96, context = 256, tied = false } = shape
  const keys = commonKeys('llama', 'random-llama')
  const set = (key: string, value: GgufValue): void => void keys.set(`llama.${key}`, value)
  set('block_count', { u32: layers })
  set('context_length', { u32: context })
  set('embedding_length', { u32: embedding })
  set('feed_forward_length', { u32: feedForward })
  set('attention.head_count', { u32: heads })
  set('attention.head_count_kv', { u32: kvHeads })
  set('attention.layer_norm_rms_epsilon', { f32: 1e-5 })
  set('rope.dimension_count', { u32: embedding / heads })
  set('rope.freq_base', { f32: 10000 })
  set('vocab_size', { u32: testVocabularySize })

  const list = new TensorList(shape.seed ?? 1, shape.type)
  const kvWidth = (embedding / heads) * kvHeads
  list.matrix('token_embd.weight', [embedding, testVocabularySize], tied ? headDeviation(embedding) : 1)
  list.norm('output_norm.weight', embedding)
  if (!tied) list.matrix('output.weight', [embedding, testVocabularySize], headDeviation(embedding))
  for (let i = 0; i < layers; i++) {
    const p = `blk.${i}.`
    list.norm(`${p}attn_norm.weight`, embedding)
    list.matrix(`${p}attn_q.weight`, [embedding, embedding])
    list.matrix(`${p}attn_k.weight`, [embedding, kvWidth])
    list.matrix(`${p}attn_v.weight`, [embedding, kvWidth])
    list.matrix(`${p}attn_output.weight`, [embedding, embedding])
    list.norm(`${p}ffn_norm.weight`, embedding)
    list.ffn(p, '', embedding, feedForward)
  }
  return { keys, tensors: list.tensors }
}

export function randomDeepseek(shape: DeepseekShape): GgufFile {
  const { layers = 3, denseLayers = 1, embedding = 64, heads = 4, queryRank = 32, latentRank = 32 } = shape
  const { experts = 8, activeExperts = 2, sharedExperts = 1, routing = 'sigmoid', context = 256 } = shape
  const [nope, rope, value, expertWidth, feedForward] = [32, 16, 32, 32, 96]
  const keys = commonKeys('deepseek2', 'random-deepseek')
  const set = (key: string, entry: GgufValue): void => void keys.set(`deepseek2.${key}`, entry)
  set('block_count', { u32: layers })
  set('context_length', { u32: context })
  set('embedding_length', { u32: embedding })
  set('feed_forward_length', { u32: feedForward })
  set('attention.head_count', { u32: heads })
  set('attention.head_count_kv', { u32: 1 })
  set('attention.layer_norm_rms_epsilon', { f32: 1e-6 })
  if (queryRank > 0) set('attention.q_lora_rank', { u32: queryRank })
  set('attention.kv_lora_rank', { u32: latentRank })
  set('attention.key_length', { u32: latentRank + rope })
  set('attention.value_length', { u32: latentRank })
  set('attention.key_length_mla', { u32: nope + rope })
  set('attention.value_length_mla', { u32: value })
  set('rope.dimension_count', { u32: rope })
  set('rope.freq_base', { f32: 10000 })
  set('vocab_size', { u32: testVocabularySize })
  set('leading_dense_block_count', { u32: denseLayers })
  set('expert_count', { u32: experts })
  set('expert_used_count', { u32: activeExperts })
  set('expert_shared_count', { u32: sharedExperts })
  set('expert_feed_forward_length', { u32: expertWidth })
  set('expert_weights_scale', { f32: routing === 'softmax' ? 1 : 2.5 })
  set('expert_weights_norm', { bool: routing !== 'softmax' })
  set('expert_gating_func', { u32: routing === 'softmax' ? 1 : 2 })
  if (routing === 'sigmoid-groups') {
    set('expert_group_count', { u32: 4 })
    set('expert_group_used_count', { u32: 2 })
  }

  const list = new TensorList(shape.seed ?? 2, shape.type)
  list.matrix('token_embd.weight', [embedding, testVocabularySize], 1)
  list.norm('output_norm.weight', embedding)
  list.matrix('output.weight', [embedding, testVocabularySize], headDeviation(embedding))
  for (let i = 0; i < layers; i++) {
    const p = `blk.${i}.`
    list.norm(`${p}attn_norm.weight`, embedding)
    if (queryRank > 0) {
      list.matrix(`${p}attn_q_a.weight`, [embedding, queryRank])
      list.norm(`${p}attn_q_a_norm.weight`, queryRank)
      list.matrix(`${p}attn_q_b.weight`, [queryRank, heads * (nope + rope)])
    } else {
      list.matrix(`${p}attn_q.weight`, [embedding, heads * (nope + rope)])
    }
    list.matrix(`${p}attn_kv_a_mqa.weight`, [embedding, latentRank + rope])
    list.norm(`${p}attn_kv_a_norm.weight`, latentRank)
    list.matrix(`${p}attn_k_b.weight`, [nope, latentRank, heads], 1 / Math.sqrt(latentRank))
    list.matrix(`${p}attn_v_b.weight`, [latentRank, value, heads])
    list.matrix(`${p}attn_output.weight`, [heads * value, embedding])
    list.norm(`${p}ffn_norm.weight`, embedding)
    if (i < denseLayers) {
      list.ffn(p, '', embedding, feedForward)
      continue
    }
    // The gate stays in floats and wide, so that no two experts are close to a tie.
    list.matrix(`${p}ffn_gate_inp.weight`, [embedding, experts], 2 / Math.sqrt(embedding), 'F32')
    if (routing !== 'softmax') list.bias(`${p}exp_probs_b.bias`, experts)
    list.matrix(`${p}ffn_gate_exps.weight`, [embedding, expertWidth, experts])
    list.matrix(`${p}ffn_up_exps.weight`, [embedding, expertWidth, experts])
    list.matrix(`${p}ffn_down_exps.weight`, [expertWidth, embedding, experts])
    if (sharedExperts > 0) list.ffn(p, '_shexp', embedding, expertWidth * sharedExperts)
  }
  return { keys, tensors: list.tensors }
}
