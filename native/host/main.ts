// The engine process: listens, loads, serves, drains. Exit codes tell the agent why it ended: 0 asked to, 3 model or option, 12 no memory
// at load, 13 port in use; anything else is a fault of ours and aborts, so that the cause is seen.

import { randomInt, randomUUID } from 'node:crypto'
import { systemClock } from '../../core/base/clock.ts'
import { errorText, isInferwardError, systemCode } from '../../core/base/errors.ts'
import { describeFailure } from '../../core/base/failure.ts'
import type { EngineHandle } from './addon.ts'
import { generateHandlers } from './generate.ts'
import { openGenerations } from './generation.ts'
import { type HostState, openHostHttp } from './http.ts'
import { loadAddon } from './load-addon.ts'
import { openHostMetrics } from './metrics.ts'
import { type HostOptions, hostOptions } from './options.ts'
import { openTokenizer, type Tokenizer } from './tokenizer.ts'

const drainMs = 10_000

async function main(options: HostOptions): Promise<void> {
  let state: HostState = 'loading'
  let engine: EngineHandle | undefined
  let tokenizer: Tokenizer | undefined
  const metrics = openHostMetrics(options.name)
  const generations = openGenerations({
    engine: () => engine!,
    tokenizer: () => tokenizer!,
    monotonicMs: () => performance.now(),
    onBatch: (size) => metrics.observe('inference_batch_size', size),
  })
  const http = openHostHttp({
    listen: options.listen,
    state: () => state,
    health: () => ({
      status: state === 'serving' ? 'ok' : state,
      incarnation: options.incarnation,
      model: options.name,
    }),
    models: () => ({
      object: 'list',
      data: [options.name, 'default'].map((id) => ({
        id,
        object: 'model',
        owned_by: 'inferward',
        max_model_len: engine?.info.contextTokens ?? null,
      })),
    }),
    metrics: async () => ({
      text: await metrics.text(engine?.stats() ?? null, options.maxQueue, state === 'serving'),
      contentType: metrics.contentType,
    }),
    posts: generateHandlers({
      generations,
      tokenizer: () => tokenizer!,
      contextTokens: () => engine!.info.contextTokens,
      metrics,
      modelName: options.name,
      requestTimeoutMs: options.requestTimeoutMs,
      nowSeconds: () => Math.floor(systemClock.now() / 1000),
      newId: () => randomUUID(),
      randomSeed: () => randomInt(2 ** 47),
    }),
    onInvalid: () => metrics.outcome('invalid'),
  })

  const drain = async (): Promise<void> => {
    if (state === 'draining') return
    state = 'draining'
    const until = systemClock.monotonic() + drainMs
    while (generations.live > 0 && systemClock.monotonic() < until) await systemClock.sleep(20)
    await engine?.stop()
    await http.stop()
    process.exit(0)
  }
  process.on('SIGTERM', () => void drain())
  process.on('SIGINT', () => void drain())

  const port = await http.start()
  engine = await loadAddon().load(
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
    (events) => generations.onStep(events),
  )
  tokenizer = openTokenizer(engine.info)
  if (state === 'loading') state = 'serving'
  const { info } = engine
  const line = {
    '@timestamp': new Date(systemClock.now()).toISOString(),
    'log.level': 'info',
    message: 'engine serving',
    model: options.name,
    architecture: info.architecture,
    parameters: info.parameters,
    weights: info.weightType,
    isa: engine.isa,
    threads: engine.threads,
    port,
  }
  process.stderr.write(`${JSON.stringify(line)}\n`)
}

function exitCodeOf(error: unknown): number {
  const code = systemCode(error)
  if (
    code === 'MODEL_NOT_FOUND' ||
    code === 'MODEL_INVALID' ||
    code === 'MODEL_UNSUPPORTED' ||
    code === 'OPTION_INVALID'
  )
    return 3
  if (code === 'OUT_OF_MEMORY') return 12
  if (code === 'host.port_in_use') return 13
  return isInferwardError(error) ? error.exitCode : 1
}

process.on('uncaughtException', (error) => {
  process.stderr.write(`inferward-engine: internal fault: ${errorText(error)}\n`)
  process.abort()
})

try {
  await main(hostOptions(process.argv.slice(2)))
} catch (error) {
  process.stderr.write(describeFailure('inferward-engine', error).text)
  process.exit(exitCodeOf(error))
}
