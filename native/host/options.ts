// The engine process's command line, checked; a wrong value names the flag.

import { parseArgs } from 'node:util'
import { tryParseDuration } from '../../core/base/duration.ts'
import { exitCodes, InferwardError } from '../../core/base/errors.ts'
import { type Listen, listen } from '../../core/base/schema.ts'

export type HostOptions = {
  readonly model: string
  readonly name: string
  readonly listen: Listen
  /** Names it may be called by, besides addresses, localhost and that of its host. */
  readonly allowedHosts: readonly string[]
  readonly telemetry: string
  /** Identity of this life, given by the agent. */
  readonly incarnation: string
  readonly threads: number
  readonly isa: 'auto' | 'scalar' | 'avx2'
  readonly maxBatch: number
  readonly maxQueue: number
  readonly kvTokens: number
  readonly stepTokens: number
  /** Longest life of a request, waiting included, milliseconds. */
  readonly requestTimeoutMs: number
}

function fault(flag: string, message: string): InferwardError {
  return new InferwardError({ code: 'host.option', message: `--${flag}: ${message}`, exitCode: exitCodes.config })
}

export function hostOptions(argv: readonly string[]): HostOptions {
  let values: Record<string, string | undefined>
  try {
    const text = { type: 'string' } as const
    ;({ values } = parseArgs({
      args: [...argv],
      options: {
        model: text,
        name: text,
        listen: text,
        telemetry: text,
        incarnation: text,
        threads: text,
        isa: text,
        'max-batch': text,
        'max-queue': text,
        'kv-tokens': text,
        'step-tokens': text,
        'request-timeout': text,
        'allowed-hosts': text,
      },
    }))
  } catch (error) {
    throw new InferwardError({
      code: 'host.option',
      message: (error as Error).message,
      exitCode: exitCodes.config,
      cause: error,
    })
  }
  const need = (flag: string): string => {
    const value = values[flag]
    if (value === undefined || value === '') throw fault(flag, 'is needed')
    return value
  }
  const whole = (flag: string, standard: number, low: number, high: number): number => {
    const value = values[flag] === undefined ? standard : Number(values[flag])
    if (!Number.isInteger(value) || value < low || value > high)
      throw fault(flag, `expected a whole number from ${low} to ${high}`)
    return value
  }
  const isa = values.isa ?? 'auto'
  if (isa !== 'auto' && isa !== 'scalar' && isa !== 'avx2') throw fault('isa', 'expected auto, scalar or avx2')
  const address = listen.safeParse(need('listen'))
  if (!address.success) throw fault('listen', address.error.issues[0]?.message ?? 'not an address')
  const requestTimeoutMs = tryParseDuration(values['request-timeout'] ?? '300s')
  if (requestTimeoutMs === undefined || requestTimeoutMs === 0)
    throw fault('request-timeout', 'expected a duration such as 300s')
  const maxBatch = whole('max-batch', 32, 1, 4096)
  return {
    model: need('model'),
    name: need('name'),
    listen: address.data,
    allowedHosts: (values['allowed-hosts'] ?? '').split(',').filter((name) => name !== ''),
    telemetry: need('telemetry'),
    incarnation: need('incarnation'),
    threads: whole('threads', 0, 0, 256),
    isa,
    maxBatch,
    maxQueue: whole('max-queue', 256, 0, 1 << 20),
    kvTokens: whole('kv-tokens', 32_768, 16, 1 << 30),
    stepTokens: whole('step-tokens', Math.max(512, maxBatch), maxBatch, 65_536),
    requestTimeoutMs,
  }
}
