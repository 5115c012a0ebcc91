// The engine as a server, without the process around it: listens first, then loads, serves, drains. Invariant: from `start` until the model
// is loaded, and from `drain` on, generation answers 503 and everything else still answers.

import { randomInt, randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import type { Clock } from '../../core/base/clock.ts'
import type { EngineAddon, EngineHandle } from './addon.ts'
import { generateHandlers } from './generate.ts'
import { openGenerations } from './generation.ts'
import { clientGone, type HostState, openHostHttp } from './http.ts'
import { openHostMetrics } from './metrics.ts'
import type { HostOptions } from './options.ts'
import { openTokenizer, type Tokenizer } from './tokenizer.ts'

const drainMs = 10_000

export type Host = {
  /** Resolves with the port as soon as somebody may connect. */
  listen(): Promise<number>
  /** Resolves when the model is loaded and requests are taken. */
  load(): Promise<EngineHandle>
  /** Takes no more requests, waits a while for those that run, ends the rest with words. Idempotent. */
  drain(): Promise<void>
}

export function openHost(
  options: HostOptions,
  deps: { readonly clock: Clock; readonly addon: () => EngineAddon },
): Host {
  const { clock } = deps
  let state: HostState = 'loading'
  let engine: EngineHandle | undefined
  let tokenizer: Tokenizer | undefined
  let draining: Promise<void> | undefined
  const metrics = openHostMetrics(options.name)
  const generations = openGenerations({
    engine: () => engine!,
    tokenizer: () => tokenizer!,
    monotonicMs: () => performance.now(),
    onBatch: (size) => metrics.observe('inference_batch_size', size),
  })
  /** Of one request: what the model was trained for, or less when the key/value pool is smaller. */
  const contextTokens = (running: EngineHandle): number =>
    Math.min(running.info.contextTokens, running.stats().kvTokensTotal)
  const http = openHostHttp({
    listen: options.listen,
    names: [hostname(), ...options.allowedHosts],
    state: () => state,
    health: () => ({
      status: state === 'serving' ? 'ok' : state,
      incarnation: options.incarnation,
      model: options.name,
    }),
    models: () => ({
      object: 'list',
      data: [...new Set([options.name, 'default'])].map((id) => ({
        id,
        object: 'model',
        owned_by: 'inferward',
        max_model_len: engine === undefined ? null : contextTokens(engine),
      })),
    }),
    metrics: async () => ({
      text: await metrics.text(engine?.stats() ?? null, options.maxQueue, state === 'serving'),
      contentType: metrics.contentType,
    }),
    posts: generateHandlers({
      generations,
      tokenizer: () => tokenizer!,
      contextTokens: () => contextTokens(engine!),
      metrics,
      modelName: options.name,
      requestTimeoutMs: options.requestTimeoutMs,
      nowSeconds: () => Math.floor(clock.now() / 1000),
      newId: () => randomUUID(),
      randomSeed: () => randomInt(2 ** 47),
    }),
    onRefused: (reason) => metrics.refused(reason),
    onFault: (status) => {
      if (status === clientGone) metrics.outcome('cancelled')
      else if (status < 500) metrics.outcome('invalid')
      else if (status === 500) metrics.outcome('error')
    },
  })

  const drainOnce = async (): Promise<void> => {
    state = 'draining'
    const until = clock.monotonic() + drainMs
    while (generations.live > 0 && clock.monotonic() < until) await clock.sleep(20)
    await engine?.stop()
    await http.stop()
  }

  return {
    listen: () => http.start(),
    async load() {
      const loaded = await deps.addon().load(
        {
          modelPath: options.model,
          threads: options.threads,
          isa: options.isa,
          maxBatch: options.maxBatch,
          maxQueue: options.maxQueue,
          kvTokens: options.kvTokens,
          stepTokens: options.stepTokens,
          telemetryPath: options.telemetry,
        },
        (events, batch) => generations.onStep(events, batch),
      )
      try {
        tokenizer = openTokenizer(loaded.info)
      } catch (error) {
        await loaded.stop()
        throw error
      }
      engine = loaded
      if (state === 'loading') state = 'serving'
      else await loaded.stop()
      return loaded
    },
    drain: () => (draining ??= drainOnce()),
  }
}
