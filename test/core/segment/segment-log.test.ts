// The one log under crash: cut at every byte, flipped anywhere, full, dropped and acknowledged.

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import * as path from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import type { FileHandle, FileLayer } from '../../../core/base/file-layer.ts'
import { nodeFileLayer } from '../../../core/base/node-file-layer.ts'
import { openSegmentLog, type SegmentLog, type SegmentLogOptions } from '../../../core/segment/segment-log.ts'

const folders: string[] = []
const folder = (): string => {
  const made = mkdtempSync(path.join(tmpdir(), 'iw-segment-'))
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
    segmentBytes: 256,
    capBytes: 1 << 20,
    full: 'refuse',
    newEpoch: () => 42n,
    ...more,
  })
const payload = (n: number): Uint8Array => new TextEncoder().encode(`payload ${n} ${'x'.repeat(n % 50)}`)
const texts = (log: SegmentLog): string[] =>
  log.read(1, 1 << 20).map((frame) => new TextDecoder().decode(frame.payload))
const lastSegment = (directory: string): string =>
  path.join(
    directory,
    readdirSync(directory)
      .filter((name) => name.endsWith('.seg'))
      .sort()
      .at(-1)!,
  )

describe('segment log', () => {
  it('gives back what was appended, in order and over segments, after a reopening', async () => {
    const directory = folder()
    const log = open(directory)
    for (let n = 1; n <= 100; n++) expect(log.append(payload(n))).toBe(n)
    await log.close()
    const again = open(directory)
    expect(again.next).toBe(101)
    expect(again.stats().segments).toBeGreaterThan(10)
    const frames = again.read(37, 200)
    expect(frames[0]!.sequence).toBe(37)
    expect(texts(again)).toEqual(Array.from({ length: 100 }, (_, n) => new TextDecoder().decode(payload(n + 1))))
  })

  it('is readable after a cut at every single byte of the last segment, and loses only the frame that was cut', async () => {
    const directory = folder()
    const log = open(directory, { segmentBytes: 1 << 20 })
    const ends: number[] = [32]
    for (let n = 1; n <= 12; n++) {
      log.append(payload(n))
      ends.push(log.stats().bytes)
    }
    await log.close()
    const file = lastSegment(directory)
    const bytes = readFileSync(file)
    for (let cut = 0; cut <= bytes.length; cut++) {
      writeFileSync(file, bytes.subarray(0, cut))
      const opened = open(directory, { segmentBytes: 1 << 20 })
      const whole = cut < 32 ? 0 : ends.filter((end) => end <= cut).length - 1
      expect(texts(opened)).toHaveLength(whole)
      expect(opened.append(payload(99))).toBe(whole + 1)
      await opened.close()
    }
  })

  it('sets an older damaged segment aside, names the lost sequences and keeps the rest', async () => {
    const directory = folder()
    const log = open(directory)
    for (let n = 1; n <= 60; n++) log.append(payload(n))
    await log.close()
    const names = readdirSync(directory)
      .filter((name) => name.endsWith('.seg'))
      .sort()
    const victim = path.join(directory, names[2]!)
    const healthy = names.filter((_, index) => index !== 2).map((name) => readFileSync(path.join(directory, name)))
    const bytes = readFileSync(victim)
    bytes[40]! ^= 0x10
    writeFileSync(victim, bytes)

    const again = open(directory)
    const [damage] = again.stats().damage
    expect(damage).toMatchObject({ path: victim, kind: 'damaged' })
    const [from, to] = damage!.lost!
    const sequences = again.read(1, 1 << 20).map((frame) => frame.sequence)
    expect(sequences).toEqual(Array.from({ length: 60 }, (_, n) => n + 1).filter((n) => n < from || n >= to))
    expect(readdirSync(directory)).toContain(`${names[2]}.damaged`)
    expect(names.filter((_, index) => index !== 2).map((name) => readFileSync(path.join(directory, name)))).toEqual(
      healthy,
    )
  })

  it('deletes acknowledged segments and remembers the acknowledgement over a restart', async () => {
    const directory = folder()
    const log = open(directory)
    for (let n = 1; n <= 60; n++) log.append(payload(n))
    log.ack(40)
    expect(log.first).toBeGreaterThan(20)
    await log.close()
    const again = open(directory)
    expect(again.acked).toBe(40)
    expect(again.next).toBe(61)
  })

  it('never reuses a sequence when everything was acknowledged and the files are gone', async () => {
    const directory = folder()
    const log = open(directory)
    for (let n = 1; n <= 5; n++) log.append(payload(n))
    log.ack(5)
    await log.close()
    for (const name of readdirSync(directory)) if (name.endsWith('.seg')) rmSync(path.join(directory, name))
    expect(open(directory).append(payload(6))).toBe(6)
  })

  it.each([
    { full: 'refuse' as const, last: null },
    { full: 'drop_oldest' as const, last: 200 },
  ])('counts what passes the cap when it must $full', ({ full, last }) => {
    const log = open(folder(), { capBytes: 2000, full })
    let result: number | null = 0
    for (let n = 1; n <= 200; n++) result = log.append(payload(n))
    expect(result).toBe(last)
    const stats = log.stats()
    expect(stats.bytes).toBeLessThanOrEqual(2000)
    expect(stats.refused + stats.droppedFrames).toBeGreaterThan(0)
    expect(stats.refused + stats.droppedFrames + log.read(1, 1 << 20).length).toBe(200)
  })

  it('cuts a half-written frame when the disk is full, and goes on when there is room again', () => {
    const directory = folder()
    let room = Number.POSITIVE_INFINITY
    const files: FileLayer = {
      ...nodeFileLayer,
      open(file, mode): FileHandle {
        const handle = nodeFileLayer.open(file, mode)
        return {
          ...handle,
          append(bytes) {
            if (bytes.length <= room) return handle.append(bytes)
            handle.append(bytes.subarray(0, room))
            throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
          },
        }
      },
    }
    const log = open(directory, { files })
    log.append(payload(1))
    room = 7
    expect(() => log.append(payload(2))).toThrow('no space left')
    room = Number.POSITIVE_INFINITY
    expect(log.append(payload(3))).toBe(2)
    expect(texts(open(directory))).toHaveLength(2)
  })

  it('takes an acknowledgement on a full disk, makes room by it, and writes it down when there is room again', async () => {
    const directory = folder()
    let full = false
    const files: FileLayer = {
      ...nodeFileLayer,
      writeAtomic(file, bytes) {
        if (full) throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' })
        nodeFileLayer.writeAtomic(file, bytes)
      },
    }
    const log = open(directory, { files })
    for (let n = 1; n <= 100; n++) log.append(payload(n))
    const before = log.stats().segments
    full = true
    log.ack(50)
    expect(log.acked).toBe(50)
    expect(log.stats().segments).toBeLessThan(before)
    full = false
    log.ack(50)
    await log.close()
    expect(open(directory).acked).toBe(50)
  })

  it('syncs once for many that wait', async () => {
    const log = open(folder(), { segmentBytes: 1 << 20 })
    const waits = Array.from({ length: 50 }, (_, n) => {
      log.append(payload(n))
      return log.commit()
    })
    await Promise.all(waits)
    expect(log.stats().syncs).toBeLessThanOrEqual(3)
  })

  it('starts a new epoch when the folder is lost', () => {
    let epoch = 1n
    const first = open(folder(), { newEpoch: () => epoch++ })
    const second = open(folder(), { newEpoch: () => epoch++ })
    expect(first.epoch).not.toBe(second.epoch)
  })
})
