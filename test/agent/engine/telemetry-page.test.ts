// The reader of the telemetry page against docs/formats/telemetry-page.md: written by the real engine, by hand, and by somebody hostile.

import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import * as path from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { monotonicNow, readTelemetryPage } from '../../../agent/engine/telemetry-page.ts'
import { openEngine } from '../../helpers/native-engine.ts'
import { random } from '../../helpers/random.ts'
import { randomLlama } from '../../helpers/random-model.ts'

const folders: string[] = []
const folder = (): string => {
  const made = mkdtempSync(path.join(tmpdir(), 'iw-page-'))
  folders.push(made)
  return made
}
afterEach(() => {
  for (const made of folders.splice(0)) rmSync(made, { recursive: true, force: true })
})

/** A page as the format describes it, by hand. */
function page(words: Readonly<Record<number, bigint>> = {}): Buffer {
  const bytes = Buffer.alloc(4096)
  bytes.write('IWTELEM\u0001', 'latin1')
  bytes.writeUInt32LE(1, 8)
  bytes.writeUInt32LE(4096, 12)
  for (const [offset, value] of Object.entries({ 16: 77n, 24: 2n, 64: 256n, 72: 16n, ...words }))
    bytes.writeBigUInt64LE(value, Number(offset))
  return bytes
}
function read(bytes: Uint8Array) {
  const file = path.join(folder(), 'page')
  writeFileSync(file, bytes)
  return readTelemetryPage(file)
}

describe('the telemetry page', () => {
  it('of the real engine says what the engine says of itself', async () => {
    await using engine = await openEngine(randomLlama({ type: 'F32' }))
    const before = monotonicNow()
    await engine.generate({ tokens: [1, 2, 3], maxTokens: 5 })
    await engine.generate({ tokens: [1, 2, 3], maxTokens: 5 })
    const seen = readTelemetryPage(engine.options.telemetryPath)!
    expect(seen).toMatchObject({
      pid: process.pid,
      state: 'serving',
      running: 0,
      waiting: 0,
      fatalSignal: 0,
      fatalReason: 'none',
    })
    // Two prompts of three and four further rows each, and two requests that finished.
    expect(seen.progress).toBe(2 * (3 + 4) + 2)
    expect(seen.heartbeatMs).toBeGreaterThan(before - 1)
    expect(seen.heartbeatMs).toBeLessThanOrEqual(monotonicNow())
    await engine.handle.stop()
    const stopped = readTelemetryPage(engine.options.telemetryPath)!
    expect(stopped).toMatchObject({ state: 'stopped', progress: seen.progress })
    const bytes = readFileSync(engine.options.telemetryPath)
    const { steps, generatedTokens, kvTokensTotal, weightBytes } = engine.stats()
    const counter = (index: number): number => Number(bytes.readBigUInt64LE(256 + 8 * index))
    expect([counter(1), counter(3), counter(11), counter(14)]).toEqual([
      steps,
      generatedTokens,
      kvTokensTotal,
      weightBytes,
    ])
    expect(bytes.length).toBe(4096)
  })

  it.each([
    [1n, 'loading'],
    [2n, 'serving'],
    [3n, 'stopping'],
    [4n, 'stopped'],
  ])('state %i is %s', (state, name) => {
    expect(read(page({ 24: state }))).toMatchObject({ pid: 77, state: name })
  })

  it('holds what the format says, where it says', () => {
    const seen = read(page({ 40: 1_234_567_890_123n, 48: 11n, 56: 1n, 256: 40n, 288: 3n, 296: 9n, 304: 2n }))
    expect(seen).toEqual({
      pid: 77,
      state: 'serving',
      heartbeatMs: 1_234_567.89,
      fatalSignal: 11,
      fatalReason: 'out_of_memory',
      progress: 42,
      running: 3,
      waiting: 9,
    })
  })

  it('of a later version with other counters is read as far as it is known', () => {
    expect(read(page({ 64: 1024n, 72: 5n, 1024: 6n, 1056: 8n, 1064: 99n }))).toMatchObject({
      progress: 6,
      running: 8,
      waiting: 0,
    })
  })

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['only its header', page().subarray(0, 256)],
    ['another magic', Buffer.from(page()).fill('X', 0, 1)],
    ['an unfinished header', Buffer.from(page()).fill(0, 0, 8)],
    ['another version', Buffer.from(page()).fill(2, 8, 9)],
  ])('with %s is no page', (_title, bytes) => {
    expect(read(bytes)).toBeNull()
  })

  it('that is not there, or is a folder, is no page', () => {
    expect(readTelemetryPage(path.join(folder(), 'none'))).toBeNull()
    expect(readTelemetryPage(folder())).toBeNull()
  })

  it('of a hostile writer gives numbers and never a fault, wherever its counters are said to lie', () => {
    for (const offset of [0n, 4n, 4088n, 4096n, 2n ** 32n, 2n ** 53n, 2n ** 64n - 1n])
      for (const count of [0n, 1n, 2n ** 64n - 1n]) {
        const seen = read(page({ 64: offset, 72: count }))!
        for (const value of [seen.progress, seen.running, seen.waiting]) expect(Number.isFinite(value)).toBe(true)
      }
    const source = random(17)
    for (let n = 0; n < 300; n++) {
      const bytes = page()
      for (let i = 12; i < bytes.length; i++) bytes[i] = source.integer(0, 255)
      expect(read(bytes)).not.toBeNull()
    }
  })

  it('is read a page at most, however large the file', () => {
    const file = path.join(folder(), 'page')
    writeFileSync(file, page())
    truncateSync(file, 2 ** 40)
    expect(readTelemetryPage(file)).toMatchObject({ pid: 77 })
  })
})
