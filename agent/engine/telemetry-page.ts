// Reads an engine's telemetry page (docs/formats/telemetry-page.md) with plain file reads: it works on a frozen engine and on a dead one.

import { closeSync, openSync, readSync } from 'node:fs'

export type TelemetryPage = {
  readonly pid: number
  readonly state: 'loading' | 'serving' | 'stopping' | 'stopped'
  /** CLOCK_MONOTONIC, milliseconds. */
  readonly heartbeatMs: number
  readonly fatalSignal: number
  readonly fatalReason: 'none' | 'out_of_memory'
  readonly progress: number
  readonly running: number
  readonly waiting: number
}

const states = ['loading', 'serving', 'stopping', 'stopped'] as const
const magic = Buffer.from('IWTELEM\u0001', 'latin1')

const pageBytes = 4096

/** Null when there is no page, or none that is whole yet. */
export function readTelemetryPage(path: string): TelemetryPage | null {
  const bytes = readStart(path)
  if (bytes === null) return null
  if (bytes.length < 512 || !bytes.subarray(0, 8).equals(magic) || bytes.readUInt32LE(8) !== 1) return null
  const at = (offset: number): number => Number(bytes.readBigUInt64LE(offset))
  const counters = at(64)
  const counter = (index: number): number =>
    index < at(72) && counters + 8 * index + 8 <= bytes.length ? at(counters + 8 * index) : 0
  return {
    pid: at(16),
    state: states[at(24) - 1] ?? 'stopped',
    heartbeatMs: Number(bytes.readBigUInt64LE(40) / 1000n) / 1000,
    fatalSignal: at(48),
    fatalReason: at(56) === 1 ? 'out_of_memory' : 'none',
    progress: counter(0) + counter(6),
    running: counter(4),
    waiting: counter(5),
  }
}

/** Now on the engine's clock, milliseconds since boot. */
export function monotonicNow(): number {
  return Number(process.hrtime.bigint() / 1000n) / 1000
}

/** At most a page, whatever lies there. */
function readStart(path: string): Buffer | null {
  let descriptor: number
  try {
    descriptor = openSync(path, 'r')
  } catch {
    return null
  }
  try {
    const bytes = Buffer.alloc(pageBytes)
    return bytes.subarray(0, readSync(descriptor, bytes, 0, pageBytes, 0))
  } catch {
    return null // a folder, for example
  } finally {
    closeSync(descriptor)
  }
}
