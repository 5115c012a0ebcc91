// The other engine (node-llama-cpp, installed in bench/peers only) as an oracle: logits after every position, its own greedy text, its own
// tokenizer. Loaded by path, so that neither the product nor its types depend on it.

import { existsSync, readFileSync, renameSync } from 'node:fs'
import * as path from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

/** What is used of the peer, as its 3.22 declares it. */
type PeerModule = {
  getLlama(options: { gpu: false; build: 'never'; skipDownload: true; logLevel: string }): Promise<{
    loadModel(options: { modelPath: string }): Promise<PeerModel>
    dispose(): Promise<void>
  }>
}
type PeerModel = {
  createContext(options: Readonly<Record<string, unknown>>): Promise<PeerContext>
  tokenize(text: string, special: boolean): number[]
  detokenize(tokens: readonly number[], special: boolean): string
}
type PeerContext = { getSequence(): PeerSequence; dispose(): Promise<void> }
type PeerSequence = {
  controlledEvaluate(
    input: [number, { generateNext: { logits: true } }][],
  ): Promise<(undefined | { next: { logits?: Map<number, number> } })[]>
  clearHistory(): Promise<void>
}

export type GreedyStep = {
  readonly token: number
  /** Logit of the first choice less that of the second. */
  readonly margin: number
  /** The same in probabilities. */
  readonly lead: number
}

export type Peer = {
  /** Logits after every position of a cold run over `tokens`. */
  readonly logits: (tokens: readonly number[]) => Promise<readonly Float64Array[]>
  /** `count` tokens, each the likeliest (the lowest id of equals); continues past end-of-text. */
  readonly greedy: (prompt: readonly number[], count: number) => Promise<readonly GreedyStep[]>
  readonly tokenize: (text: string) => readonly number[]
  readonly text: (tokens: readonly number[]) => string
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..')
const packages = path.join(root, 'bench/peers/node_modules')
const entry = path.join(packages, 'node-llama-cpp/dist/index.js')
/** The peer's build for CPUs with AMX aborts on stacked matrices of F16 or Q8_0, which deepseek2's attn_k_b and attn_v_b are. */
const amxBuild = path.join(packages, '@node-llama-cpp/linux-x64/bins/linux-x64/libggml-cpu-sapphirerapids.so')

/** Version of the installed peer. */
export function peerVersion(): string {
  const { version } = JSON.parse(readFileSync(path.join(packages, 'node-llama-cpp/package.json'), 'utf8')) as {
    version: string
  }
  return version
}

export async function openPeer(modelPath: string, contextTokens: number): Promise<Peer> {
  if (!existsSync(entry)) {
    throw new Error('the peer is not installed: run `npm install --omit=optional` in bench/peers')
  }
  const module = (await import(pathToFileURL(entry).href)) as PeerModule
  const llama = await withoutAmx(() =>
    module.getLlama({ gpu: false, build: 'never', skipDownload: true, logLevel: 'error' }),
  )
  const model = await llama.loadModel({ modelPath })
  const context = await model.createContext({
    contextSize: contextTokens,
    threads: 1,
    flashAttention: false,
    // Floats like ours; halves would put noise of 1e-3 on the logits.
    experimentalKvCacheKeyType: 'F32',
    experimentalKvCacheValueType: 'F32',
  })
  const sequence = context.getSequence()

  const evaluate = async (tokens: readonly number[]): Promise<Float64Array[]> => {
    const results = await sequence.controlledEvaluate(
      tokens.map((token) => [token, { generateNext: { logits: true } }]),
    )
    return results.map((result, i) => {
      const logits = result?.next.logits
      if (logits === undefined) throw new Error(`the peer gave no logits for position ${i}`)
      const row = new Float64Array(logits.size)
      for (const [token, logit] of logits) row[token] = logit
      return row
    })
  }
  return {
    logits: async (tokens) => {
      await sequence.clearHistory()
      return evaluate(tokens)
    },
    greedy: async (prompt, count) => {
      await sequence.clearHistory()
      const steps: GreedyStep[] = []
      let last = (await evaluate(prompt)).at(-1)!
      while (steps.length < count) {
        const step = likeliest(last)
        steps.push(step)
        if (steps.length < count) last = (await evaluate([step.token])).at(-1)!
      }
      return steps
    },
    tokenize: (text) => model.tokenize(text, false),
    text: (tokens) => model.detokenize(tokens, false),
    [Symbol.asyncDispose]: async () => {
      await context.dispose()
      await llama.dispose()
    },
  }
}

/** The peer chooses its build while it loads; the AMX one is out of its sight for that moment. */
async function withoutAmx<T>(load: () => Promise<T>): Promise<T> {
  const aside = `${amxBuild}.aside`
  if (existsSync(amxBuild)) renameSync(amxBuild, aside)
  try {
    return await load()
  } finally {
    if (existsSync(aside)) renameSync(aside, amxBuild)
  }
}

function likeliest(logits: ArrayLike<number>): GreedyStep {
  let token = 0
  let second = Number.NEGATIVE_INFINITY
  for (let i = 1; i < logits.length; i++) {
    if (logits[i]! > logits[token]!) {
      second = logits[token]!
      token = i
    } else if (logits[i]! > second) second = logits[i]!
  }
  const margin = logits[token]! - second
  let sum = 0
  for (let i = 0; i < logits.length; i++) sum += Math.exp(logits[i]! - logits[token]!)
  return { token, margin, lead: (1 - Math.exp(-margin)) / sum }
}

/** Kullback-Leibler divergence of softmax(ours) from softmax(theirs), in nats. */
export function divergence(theirs: ArrayLike<number>, ours: ArrayLike<number>): number {
  const p = logSoftmax(theirs)
  const q = logSoftmax(ours)
  let sum = 0
  for (let i = 0; i < p.length; i++) sum += Math.exp(p[i]!) * (p[i]! - q[i]!)
  return sum
}

function logSoftmax(logits: ArrayLike<number>): Float64Array {
  let top = Number.NEGATIVE_INFINITY
  for (let i = 0; i < logits.length; i++) top = Math.max(top, logits[i]!)
  let sum = 0
  for (let i = 0; i < logits.length; i++) sum += Math.exp(logits[i]! - top)
  const shift = top + Math.log(sum)
  return Float64Array.from(logits, (logit) => logit - shift)
}
