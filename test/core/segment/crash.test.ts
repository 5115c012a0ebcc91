// The one log under a failing disk: a fault at every single call that changes something, in three ways, and what is there afterwards.

import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import * as path from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import type { FileLayer } from '../../../core/base/file-layer.ts'
import { nodeFileLayer } from '../../../core/base/node-file-layer.ts'
import {
  checkFrame,
  decodeCheckpoint,
  decodeHeader,
  encodeCheckpoint,
  encodeFrame,
  encodeHeader,
  maxPayloadBytes,
} from '../../../core/segment/frame.ts'
import { openSegmentLog, type SegmentLog, type SegmentLogOptions } from '../../../core/segment/segment-log.ts'
import { type Fault, faultyFiles } from '../../helpers/faulty-files.ts'
import { random } from '../../helpers/random.ts'

const folders: string[] = []
const folder = (): string => {
  const made = mkdtempSync(path.join(tmpdir(), 'iw-crash-'))
  folders.push(made)
  return made
}
afterEach(() => {
  for (const made of folders.splice(0)) rmSync(made, { recursive: true, force: true })
})
const open = (directory: string, more: Partial<SegmentLogOptions> = {}): SegmentLog =>
  openSegmentLog({
    files: nodeFileLayer,
    directory,
    segmentBytes: 160,
    capBytes: 1 << 20,
    full: 'refuse',
    newEpoch: () => 42n,
    ...more,
  })
const words = (n: number): string => `frame ${n} ${'x'.repeat((n * 7) % 40)}`
const texts = (log: SegmentLog): string[] =>
  log.read(1, Number.POSITIVE_INFINITY).map((frame) => new TextDecoder().decode(frame.payload))

/** Appends twelve frames, each committed; acknowledges some; a fault anywhere is swallowed as a caller would. What was promised. */
async function work(log: SegmentLog): Promise<{ committed: string[]; appended: string[]; acked: number }> {
  const appended: string[] = []
  let committed: string[] = []
  let acked = 0
  for (let n = 1; n <= 12; n++) {
    try {
      if (log.append(new TextEncoder().encode(words(n))) !== null) appended.push(words(n))
      await log.commit()
      committed = [...appended]
      if (n === 6) {
        log.ack(2)
        acked = 2
      }
    } catch (error) {
      expect((error as Error).message).toMatch(/injected|sync/)
    }
  }
  await log.close().catch(() => {})
  return { committed, appended, acked }
}

describe('a fault at any call', () => {
  const ways = (['ENOSPC', 'EIO'] as const).flatMap((code) =>
    (['before', 'middle', 'after'] as const).map((when) => [code, when] as const),
  )
  it.each(
    ways,
  )('%s, %s its effect: what was committed is there, once and in order, and the log goes on', async (code, when) => {
    const clean = faultyFiles({ at: null, code, when })
    await work(open(folder(), { files: clean.files }))
    const calls = clean.calls()
    expect(calls).toBeGreaterThan(30)
    for (let at = 1; at <= calls; at++) {
      const directory = folder()
      const fault: Fault = { at, code, when }
      const disk = faultyFiles(fault)
      let log: SegmentLog
      try {
        log = open(directory, { files: disk.files })
      } catch {
        log = open(directory, { files: disk.files })
      }
      const { committed, appended, acked } = await work(log)
      expect(disk.open(), `open files after a fault at call ${at}`).toBe(0)
      const again = open(directory)
      const held = texts(again)
      const from = again.first - 1
      expect(from, `call ${at}`).toBeLessThanOrEqual(acked)
      // Everything committed and not acknowledged, in order and without anything twice; what follows was appended too.
      expect(held.slice(0, committed.length - from), `call ${at}`).toEqual(committed.slice(from))
      expect(
        held.every((text) => appended.includes(text)),
        `call ${at}`,
      ).toBe(true)
      expect(new Set(held).size, `call ${at}`).toBe(held.length)
      const next = again.append(new TextEncoder().encode('after'))
      expect(next, `call ${at}`).toBe(from + held.length + 1)
      await again.close()
      expect(texts(open(directory)).at(-1)).toBe('after')
    }
  })

  it('that a sync reports is not forgotten by the next sync: nothing is called durable that may not be', async () => {
    const directory = folder()
    const disk = faultyFiles({ at: null, code: 'EIO', when: 'before' })
    const log = open(directory, { files: disk.files, segmentBytes: 1 << 20 })
    log.append(new TextEncoder().encode(words(1)))
    await log.commit()
    log.append(new TextEncoder().encode(words(2)))
    disk.fault.at = disk.calls() + 1
    await expect(log.commit()).rejects.toThrow('EIO')
    // The kernel may have dropped what it could not write, and reports that once: a second sync of the same file proves nothing.
    const [file] = readdirSync(directory).filter((name) => name.endsWith('.seg'))
    const before = statSync(path.join(directory, file!)).ino
    await log.commit()
    expect(statSync(path.join(directory, file!)).ino).not.toBe(before)
    log.append(new TextEncoder().encode(words(3)))
    await log.commit()
    await log.close()
    expect(disk.open()).toBe(0)
    expect(texts(open(directory))).toEqual([words(1), words(2), words(3)])
  })

  it('that lasts is told by every call, loses nothing that was committed, and ends when the disk is well again', async () => {
    const directory = folder()
    let ill = false
    const refuse =
      <T extends unknown[], R>(act: (...given: T) => R) =>
      (...given: T): R => {
        if (ill) throw Object.assign(new Error('EIO: injected'), { code: 'EIO' })
        return act(...given)
      }
    const files: FileLayer = {
      ...nodeFileLayer,
      writeAtomic: refuse(nodeFileLayer.writeAtomic),
      open(file, mode) {
        const handle = nodeFileLayer.open(file, mode)
        const sync = refuse(handle.sync)
        return { ...handle, sync, syncAsync: async () => sync() }
      },
    }
    const log = open(directory, { files, segmentBytes: 1 << 20 })
    log.append(new TextEncoder().encode(words(1)))
    await log.commit()
    log.append(new TextEncoder().encode(words(2)))
    ill = true
    for (let attempt = 0; attempt < 3; attempt++) await expect(log.commit()).rejects.toThrow('EIO')
    expect(() => log.append(new TextEncoder().encode(words(3)))).toThrow('EIO')
    ill = false
    expect(log.append(new TextEncoder().encode(words(3)))).toBe(3)
    await Promise.all([log.commit(), log.commit(), log.commit()])
    await log.close()
    expect(texts(open(directory))).toEqual([words(1), words(2), words(3)])
  })
})

describe('a power cut', () => {
  it('at every byte of the last of several segments loses only what was cut, and the next append goes on', async () => {
    const directory = folder()
    const log = open(directory)
    for (let n = 1; n <= 12; n++) log.append(new TextEncoder().encode(words(n)))
    await log.close()
    const last = path.join(
      directory,
      readdirSync(directory)
        .filter((name) => name.endsWith('.seg'))
        .sort()
        .at(-1)!,
    )
    const bytes = readFileSync(last)
    const before = Number.parseInt(path.basename(last), 16) - 1
    for (let cut = 0; cut <= bytes.length; cut++) {
      writeFileSync(last, bytes.subarray(0, cut))
      const opened = open(directory)
      const held = texts(opened)
      expect(held.length).toBeGreaterThanOrEqual(before)
      expect(held).toEqual(Array.from({ length: held.length }, (_, n) => words(n + 1)))
      expect(opened.append(new TextEncoder().encode('next'))).toBe(held.length + 1)
      await opened.close()
      expect(texts(open(directory))).toEqual([...held, 'next'])
      for (const name of readdirSync(directory).filter((one) => one.endsWith('.seg')))
        if (path.join(directory, name) > last) rmSync(path.join(directory, name))
    }
  })

  const seed = Date.now() >>> 0
  it(`that left any byte of any file wrong never throws and never gives a frame that was not written (seed ${seed})`, async () => {
    const { integer, pick } = random(seed)
    const directory = folder()
    const log = open(directory)
    for (let n = 1; n <= 12; n++) log.append(new TextEncoder().encode(words(n)))
    log.ack(1)
    await log.close()
    const names = readdirSync(directory)
    const original = new Map(names.map((name) => [name, readFileSync(path.join(directory, name))]))
    const known = new Set(Array.from({ length: 12 }, (_, n) => words(n + 1)))
    for (let run = 0; run < 150; run++) {
      for (const name of readdirSync(directory)) rmSync(path.join(directory, name))
      for (const [name, bytes] of original) writeFileSync(path.join(directory, name), bytes)
      const victim = pick(names)
      const bytes = Buffer.from(original.get(victim)!)
      bytes[integer(0, bytes.length - 1)]! ^= 1 << integer(0, 7)
      writeFileSync(path.join(directory, victim), bytes)
      const opened = open(directory)
      for (const text of texts(opened)) expect(known, `seed ${seed}, run ${run}`).toContain(text)
      await opened.close()
    }
  })
})

describe('frames', () => {
  it('are whole at their own sequence only, and nothing when cut or when they claim too much', () => {
    const frame = encodeFrame(7, Uint8Array.of(1, 2, 3))
    expect(checkFrame(frame, 0, 7)).toBe(frame.length)
    expect(checkFrame(frame, 0, 8)).toBeNull()
    for (let cut = 0; cut < frame.length; cut++) expect(checkFrame(frame.subarray(0, cut), 0, 7)).toBeNull()
    const huge = Uint8Array.from(frame)
    new DataView(huge.buffer).setUint32(0, maxPayloadBytes + 1, true)
    expect(checkFrame(huge, 0, 7)).toBeNull()
    expect(() => open(folder()).append(new Uint8Array(maxPayloadBytes + 1))).toThrow(RangeError)
  })

  it('headers and checkpoints come back, and are nothing when any bit is wrong', () => {
    const header = encodeHeader({ epoch: 2n ** 64n - 1n, first: Number.MAX_SAFE_INTEGER })
    expect(decodeHeader(header)).toEqual({ epoch: 2n ** 64n - 1n, first: Number.MAX_SAFE_INTEGER })
    const checkpoint = encodeCheckpoint({ epoch: 1n, acked: 5 })
    expect(decodeCheckpoint(checkpoint)).toEqual({ epoch: 1n, acked: 5 })
    for (const [bytes, decode, used] of [
      [header, decodeHeader, 28],
      [checkpoint, decodeCheckpoint, 28],
    ] as const)
      for (let bit = 0; bit < used * 8; bit++) {
        const wrong = Uint8Array.from(bytes)
        wrong[bit >> 3]! ^= 1 << (bit & 7)
        expect(decode(wrong), `bit ${bit}`).toBeNull()
      }
  })
})
