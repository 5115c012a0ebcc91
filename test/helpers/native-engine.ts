// The built addon for tests, and an engine on a model file of its own that gathers every event. What a test opens it gives back at its end:
// engine stopped, files removed.

import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import * as path from 'node:path'
import { fileURLToPath } from 'node:url'
import type {
  EngineAddon,
  EngineHandle,
  EngineOptions,
  EngineRequest,
  EngineStats,
  FinishReason,
  StepEvent,
  SubmitVerdict,
} from '../../native/host/addon.ts'
import { type GgufFile, writeGguf } from './gguf-writer.ts'

const built = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../native/build/inferward.node')

export function nativeAddon(): EngineAddon {
  if (!existsSync(built)) throw new Error('the engine is not built: run `npm run build:native`')
  return createRequire(import.meta.url)(built) as EngineAddon
}

/** A folder that removes itself. */
export function temporaryFolder(): { readonly folder: string; [Symbol.dispose](): void } {
  const folder = mkdtempSync(path.join(tmpdir(), 'iw-native-'))
  return { folder, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) }
}

/** Options for a model in `folder`, which is written there first. */
export function engineOptions(
  folder: string,
  model: GgufFile | Uint8Array,
  more: Partial<EngineOptions> = {},
): EngineOptions {
  const modelPath = path.join(folder, 'model.gguf')
  writeFileSync(modelPath, model instanceof Uint8Array ? model : writeGguf(model).bytes)
  return {
    modelPath,
    threads: 1,
    isa: 'auto',
    maxBatch: 16,
    maxQueue: 64,
    kvTokens: 4096,
    stepTokens: 64,
    telemetryPath: path.join(folder, 'telemetry'),
    ...more,
  }
}

export type Answer = {
  readonly tokens: readonly number[]
  readonly probabilities: readonly number[]
  readonly finish: FinishReason
  readonly error: string | null
  readonly events: readonly StepEvent[]
}

export type TestRequest = Partial<Omit<EngineRequest, 'tokens'>> & { readonly tokens: readonly number[] }

export type TestEngine = {
  readonly handle: EngineHandle
  readonly options: EngineOptions
  /** Submits and waits for the end; rejects with the verdict when the engine refuses. */
  readonly generate: (request: TestRequest) => Promise<Answer>
  /** Submits without waiting: the verdict at once, the answer later (it never comes after a refusal). */
  readonly submit: (request: TestRequest) => {
    readonly id: number
    readonly verdict: SubmitVerdict
    readonly answer: Promise<Answer>
  }
  /** Called with each event of each step, before answers resolve. */
  onEvent: ((event: StepEvent) => void) | null
  /** Requests computed together, of each step that was made so far. */
  readonly batches: readonly number[]
  readonly stats: () => EngineStats
  [Symbol.asyncDispose](): Promise<void>
}

export async function openEngine(model: GgufFile | Uint8Array, more: Partial<EngineOptions> = {}): Promise<TestEngine> {
  const place = temporaryFolder()
  const options = engineOptions(place.folder, model, more)
  const waiting = new Map<number, { events: StepEvent[]; resolve: (answer: Answer) => void }>()
  const batches: number[] = []
  let next = 1
  const handle = await nativeAddon()
    .load(options, (events, batch) => {
      if (batch > 0) batches.push(batch)
      for (const event of events) {
        const entry = waiting.get(event.id)
        if (entry === undefined) throw new Error(`event for request ${event.id}, which has ended or never was`)
        entry.events.push(event)
        engine.onEvent?.(event)
        if (event.finish === null) continue
        waiting.delete(event.id)
        const chosen = entry.events.filter((one) => one.token >= 0)
        entry.resolve({
          tokens: chosen.map((one) => one.token),
          probabilities: chosen.map((one) => one.probability),
          finish: event.finish,
          error: event.error,
          events: entry.events,
        })
      }
    })
    .catch((error: unknown) => {
      place[Symbol.dispose]()
      throw error
    })
  const engine: TestEngine = {
    handle,
    options,
    onEvent: null,
    batches,
    stats: () => handle.stats(),
    submit: (request) => {
      const id = request.id ?? next++
      let resolve: (answer: Answer) => void = () => undefined
      const answer = new Promise<Answer>((done) => {
        resolve = done
      })
      waiting.set(id, { events: [], resolve })
      const verdict = handle.submit({
        maxTokens: 16,
        temperature: 0,
        topK: 0,
        topP: 1,
        seed: 1,
        stopTokens: new Int32Array(0),
        deadlineMs: 0,
        topLogprobs: 0,
        ...request,
        id,
        tokens: Int32Array.from(request.tokens),
      })
      if (verdict !== 'accepted') waiting.delete(id)
      return { id, verdict, answer }
    },
    generate: async (request) => {
      const submitted = engine.submit(request)
      if (submitted.verdict !== 'accepted') throw new Error(`refused: ${submitted.verdict}`)
      return submitted.answer
    },
    [Symbol.asyncDispose]: async () => {
      await handle.stop()
      place[Symbol.dispose]()
    },
  }
  return engine
}
