// Disks that fill up and devices that fail at any call, and logs that are cut or flipped anywhere: what was acknowledged outlives them, a start is never
// refused, and what is damaged is told.

import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import * as path from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { check, roundBody } from '../../../bench/campaign/store-model.ts'
import type { FileHandle, FileLayer } from '../../../core/base/file-layer.ts'
import { nodeFileLayer } from '../../../core/base/node-file-layer.ts'
import { virtualClock } from '../../../core/base/virtual-clock.ts'
import { serverConfig } from '../../../server/config.ts'
import type { LocalStore } from '../../../server/tsdb/local-store.ts'
import type { StorageLimits } from '../../../server/tsdb/storage.ts'
import { type Fault, faultyFiles } from '../../helpers/faulty-files.ts'
import { random } from '../../helpers/random.ts'
import { expected, folder, held, opened, removeFolders, round, t0, until } from './durable-fixture.ts'

afterEach(removeFolders)

const config = serverConfig.parse({ server: { retention: '3m' }, storage: { out_of_order_time_window: '10s' } })
const tuning: Partial<StorageLimits> = {
  segmentBytes: 8 << 10,
  snapshotAfterBytes: 12 << 10,
  tickMs: 1000,
  blockMs: 60_000,
  graceMs: 15_000,
}

/** A life of 240 rounds with blocks, merges and snapshots, whatever fails in it. Answers the rounds that were acknowledged. */
async function life(directory: string, files: FileLayer): Promise<readonly number[]> {
  const clock = virtualClock(t0)
  const acked: number[] = []
  let store: LocalStore
  try {
    store = await opened(directory, { clock, files, config, tuning })
  } catch {
    return acked // the device failed at the start
  }
  store.start()
  for (let n = 0; n < 240; n++) {
    try {
      await store.append(roundBody(n))
      acked.push(n)
    } catch (error) {
      expect(error).toMatchObject({ retryable: true, code: expect.stringMatching(/^store\.(?:full|unwritable)$/) })
    }
    if (n % 30 !== 29) continue
    await clock.advance(1000)
    for (let turn = 0; turn < 60; turn++) await new Promise((resolve) => setImmediate(resolve))
  }
  await store.stop().catch(() => {})
  return acked
}

/** Rounds that came in order and were acknowledged must be there; one that was refused and then overtaken may not come again. */
async function holds(directory: string, acked: readonly number[]): Promise<void> {
  const store = await opened(directory, { config, tuning })
  const found = await check(store, 0, 239)
  expect(found.wrong).toBe(0)
  const missing = new Set(found.missing)
  expect(acked.filter((n) => missing.has(n))).toEqual([])
  const { storage } = await store.stats()
  expect(storage!.damage.filter((words) => !words.includes('torn tail'))).toEqual([])
}

describe('a device that fails once', () => {
  it('at a call of any kind loses nothing that was acknowledged', async () => {
    const never = faultyFiles({ at: null, code: 'EIO', when: 'before' })
    const directory = folder()
    expect(await life(directory, never.files)).toHaveLength(240)
    await holds(
      directory,
      Array.from({ length: 240 }, (_, n) => n),
    )
    const calls = never.calls()
    expect(calls).toBeGreaterThan(500)

    const source = random(3)
    for (let turn = 0; turn < 24; turn++) {
      const fault: Fault = {
        // The start, the first snapshots and blocks are where most kinds of calls lie.
        at: turn < 10 ? 1 + 2 * turn : source.integer(20, calls),
        code: source.pick(['ENOSPC', 'EIO']),
        when: source.pick(['before', 'middle', 'after']),
      }
      const hurt = folder()
      await holds(hurt, await life(hurt, faultyFiles(fault).files)).catch((error: unknown) => {
        throw new Error(`with ${JSON.stringify(fault)}`, { cause: error })
      })
    }
  }, 120_000)
})

describe('a disk that is full', () => {
  it('refuses samples for now, goes on answering, and takes the same samples when there is room again', async () => {
    let full = false
    const guard = <T>(work: () => T): T => {
      if (full) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
      return work()
    }
    const files: FileLayer = {
      ...nodeFileLayer,
      open(file, mode): FileHandle {
        const handle = nodeFileLayer.open(file, mode)
        return { ...handle, append: (bytes) => guard(() => handle.append(bytes)) }
      },
      writeAtomic: (file, bytes, mode) => guard(() => nodeFileLayer.writeAtomic(file, bytes, mode)),
    }
    const directory = folder()
    const clock = virtualClock(t0)
    const store = await opened(directory, { clock, files, tuning: { ...tuning, snapshotEveryMs: 1000 } })
    store.start()
    await store.append(round(t0, 3))
    full = true
    const refused = { code: 'store.unwritable', retryable: true }
    await expect(store.append(round(t0 + 1000, 3))).rejects.toMatchObject(refused)
    await expect(store.append(round(t0 + 1000, 3))).rejects.toMatchObject(refused)
    await clock.advance(1000)
    await until(async () => (await store.stats()).storage!.snapshotFailures === 1)
    expect(await held(store, t0 - 1, t0 + 5000)).toEqual(expected([t0], 3))
    expect((await store.stats()).storage).toMatchObject({ walFailures: 2, snapshotFailures: 1 })
    full = false
    expect(await store.append(round(t0 + 1000, 3))).toEqual({ samples: 3, refused: {} })
    expect(await held(await opened(directory), t0 - 1, t0 + 5000)).toEqual(expected([t0, t0 + 1000], 3))
  })

  it('refuses samples at the cap of the log, and takes them again after the next snapshots', async () => {
    const directory = folder()
    const clock = virtualClock(t0)
    const store = await opened(directory, {
      clock,
      tuning: {
        segmentBytes: 2 << 10,
        walCapBytes: 16 << 10,
        snapshotAfterBytes: 1 << 30,
        snapshotEveryMs: 1000,
        tickMs: 1000,
      },
    })
    // No snapshot is due before the log is full.
    let n = 0
    let refusal: unknown = null
    for (; n < 1000 && refusal === null; n++) {
      await store.append(round(t0 + n, 3)).catch((error: unknown) => {
        refusal = error
      })
    }
    expect(refusal).toMatchObject({ code: 'store.full', retryable: true })
    n--
    for (let more = 0; more < 300; more++) {
      await until(async () => (await store.append(round(t0 + n, 3)).catch(() => null)) !== null)
      n++
    }
    expect((await store.stats()).storage!.walBytes).toBeLessThanOrEqual(16 << 10)
    expect((await held(await opened(directory), t0 - 1, t0 + 5000)).length).toBe(n * 3)
  })
})

describe('a log that was damaged', () => {
  it('below its snapshot takes nothing before a new snapshot stands, and tries for one until it does', async () => {
    const directory = folder()
    const store = await opened(directory)
    for (let n = 0; n < 20; n++) await store.append(round(t0 + n, 3))
    await store.stop()
    const [segment] = readdirSync(path.join(directory, 'wal')).filter((name) => name.endsWith('.seg'))
    const file = path.join(directory, 'wal', segment!)
    writeFileSync(file, readFileSync(file).subarray(0, 100))
    let full = true
    const files: FileLayer = {
      ...nodeFileLayer,
      open(name, mode) {
        if (full && name.endsWith('.head.tmp')) throw Object.assign(new Error('no space'), { code: 'ENOSPC' })
        return nodeFileLayer.open(name, mode)
      },
    }
    const clock = virtualClock(t0)
    const again = await opened(directory, { clock, files, tuning })
    again.start()
    await expect(again.append(round(t0 + 20, 3))).rejects.toMatchObject({ code: 'store.unwritable', retryable: true })
    full = false
    await clock.advance(1000)
    await until(async () => (await again.stats()).storage!.snapshots === 1)
    expect(await again.append(round(t0 + 20, 3))).toEqual({ samples: 3, refused: {} })
    const times = Array.from({ length: 21 }, (_, n) => t0 + n)
    expect(await held(await opened(directory), t0 - 1, t0 + 5000)).toEqual(expected(times, 3))
  })

  it.each([
    1, 2,
  ])('is cut or flipped anywhere: the start goes well, what is there is right, what is not is told (seed %i)', async (seed) => {
    const whole = folder()
    const clock = virtualClock(t0)
    const store = await opened(whole, { clock, config, tuning })
    store.start()
    for (let n = 0; n < 240; n++) {
      await store.append(roundBody(n))
      if (n % 60 !== 59) continue
      await clock.advance(1000)
      for (let turn = 0; turn < 60; turn++) await new Promise((resolve) => setImmediate(resolve))
    }
    const source = random(seed)
    for (let turn = 0; turn < 40; turn++) {
      const directory = folder()
      cpSync(whole, directory, { recursive: true })
      const room = source.pick(['wal', 'wal', 'snapshots', 'blocks'])
      const names = readdirSync(path.join(directory, room))
      const file = path.join(directory, room, source.pick(names))
      const bytes = readFileSync(file)
      const at = source.integer(0, bytes.length - 1)
      const flip = source.uniform() < 0.5
      if (flip) bytes[at]! ^= 1 << source.integer(0, 7)
      writeFileSync(file, flip ? bytes : bytes.subarray(0, at))
      const about = `${path.basename(file)} ${flip ? 'flipped' : 'cut'} at ${at}`

      const again = await opened(directory, { config, tuning })
      const found = await check(again, 0, 239)
      const { storage } = await again.stats()
      expect(found.wrong, about).toBe(0)
      if (found.missing.length > 0) expect(storage!.damage, about).not.toEqual([])
      // It goes on, and does not lose more.
      await again.append(roundBody(240))
      const later = await check(await opened(directory, { config, tuning }), 0, 240)
      expect(later.missing.length, about).toBeLessThanOrEqual(found.missing.length)
      expect(later.wrong).toBe(0)
    }
  }, 60_000)
})
