// The store over restarts: clean ones, killed ones, and ones that find damage.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import * as path from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import type { FileLayer } from '../../../core/base/file-layer.ts'
import { nodeFileLayer } from '../../../core/base/node-file-layer.ts'
import { virtualClock } from '../../../core/base/virtual-clock.ts'
import { labelsOf } from '../../../core/sample/sample.ts'
import { serverConfig } from '../../../server/config.ts'
import { body, expected, folder, held, opened, removeFolders, round, t0, until } from './durable-fixture.ts'

afterEach(removeFolders)

const times = (count: number, from = 0): number[] => Array.from({ length: count }, (_, k) => t0 + (from + k) * 15_000)
const all = async (store: Awaited<ReturnType<typeof opened>>): Promise<readonly string[]> =>
  held(store, t0 - 1, t0 + 86_400_000)

describe('a store over restarts', () => {
  it('has everything after a kill, from the log alone', async () => {
    const directory = folder()
    const store = await opened(directory)
    for (const time of times(40)) await store.append(round(time, 5))
    // No stop: nothing was told that the end comes.
    const again = await opened(directory)
    expect(await all(again)).toEqual(expected(times(40), 5))
    expect((await again.stats()).storage).toMatchObject({ replayed: 40, damage: [] })
  })

  it('has after a kill also what was answered before it was on disk; only an append that is to be durable waits for that', async () => {
    const directory = folder()
    let syncs = 0
    let release = (): void => {}
    const gate = new Promise<void>((resolve) => {
      release = resolve
    })
    const files: FileLayer = {
      ...nodeFileLayer,
      open: (file, mode) => {
        const handle = nodeFileLayer.open(file, mode)
        return {
          ...handle,
          syncAsync: async () => {
            syncs++
            await gate
            handle.sync()
          },
        }
      },
    }
    const store = await opened(directory, { files })
    for (const time of times(10)) expect((await store.append(round(time, 5), 'write', false)).samples).toBe(5)
    expect(syncs).toBe(0)
    let durable = false
    const last = store.append(round(t0 + 150_000, 5)).then(() => {
      durable = true
    })
    await new Promise((resolve) => setImmediate(resolve))
    expect([syncs, durable]).toEqual([1, false])
    expect(await all(await opened(directory))).toEqual(expected(times(11), 5))
    release()
    await last
    expect(syncs).toBe(1)
  })

  it('has everything after a clean stop, from the snapshot alone', async () => {
    const directory = folder()
    const store = await opened(directory)
    for (const time of times(200)) await store.append(round(time, 5))
    await store.stop()
    const again = await opened(directory)
    expect(await all(again)).toEqual(expected(times(200), 5))
    expect((await again.stats()).storage).toMatchObject({ replayed: 0 })
    // And goes on where it was.
    for (const time of times(10, 200)) expect(await again.append(round(time, 5))).toEqual({ samples: 5, refused: {} })
    expect(await all(await opened(directory))).toEqual(expected(times(210), 5))
  })

  it('replays only what came after the snapshot, and gives up log that two snapshots cover', async () => {
    const directory = folder()
    const clock = virtualClock(t0)
    const store = await opened(directory, { clock, tuning: { segmentBytes: 4096 } })
    store.start()
    for (const [index, time] of times(90).entries()) {
      await store.append(round(time, 5))
      if (index % 30 !== 29) continue
      await clock.advance(5 * 60_000)
      await until(async () => (await store.stats()).storage!.snapshots === (index + 1) / 30)
    }
    const { storage } = await store.stats()
    expect(storage).toMatchObject({ snapshots: 3, snapshotFailures: 0 })
    const segments = readdirSync(path.join(directory, 'wal')).filter((name) => name.endsWith('.seg'))
    expect(segments).not.toContain('0000000000000001.seg')
    for (const time of times(7, 90)) await store.append(round(time, 5))
    const again = await opened(directory)
    expect(await all(again)).toEqual(expected(times(97), 5))
    expect((await again.stats()).storage!.replayed).toBe(7)
  })

  it('keeps markers of ended series, series without new samples, and values bit for bit', async () => {
    const directory = folder()
    const store = await opened(directory)
    const odd = [0, -0, 1e308, -5e-324, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Math.PI]
    const series = {
      labels: labelsOf('m', { i: '0', text: '日本語 "quoted" \\ \n' }),
      times: odd.map((_, k) => t0 + k),
      values: odd,
    }
    await store.append(body([series]))
    await store.append(body([{ ...series, times: [t0 + 100], values: [0], stale: [true] }]))
    for (let turn = 0; turn < 2; turn++) {
      const again = await opened(directory)
      const request = { timeoutMs: 1000, lookbackMs: null }
      const kept = await again.query({ query: 'm[1h]', time: t0 + 1000, ...request })
      expect(kept).toMatchObject({ series: [{ labels: series.labels }] })
      if (kept.type === 'matrix') expect([...kept.series[0]!.values].map((one) => Object.is(one, -0))).toContain(true)
      expect(kept.type === 'matrix' && [...kept.series[0]!.values]).toEqual(odd)
      expect(await again.query({ query: 'm', time: t0 + 99, ...request })).toMatchObject({
        samples: [{ value: Math.PI }],
      })
      expect(await again.query({ query: 'm', time: t0 + 101, ...request })).toMatchObject({ samples: [] })
      await again.stop()
    }
  })

  it('keeps samples that came out of order, and refuses those that are too old in Prometheus’ words', async () => {
    const directory = folder()
    const config = serverConfig.parse({ storage: { out_of_order_time_window: '10m' } })
    const store = await opened(directory, { config })
    const times = [0, 600, 300, 10, 599, 0, 601].map((seconds) => t0 + seconds * 1000)
    for (const time of times) expect(await store.append(round(time, 2))).toEqual({ samples: 2, refused: {} })
    expect(await store.append(round(t0 - 1, 1))).toEqual({
      samples: 0,
      refused: { too_old: 1 },
      fault: `too old sample: series {__name__="m", i="0"}, timestamp ${t0 - 1}`,
    })
    const wanted = expected([...new Set(times)], 2)
    expect(await held(store, t0 - 10_000, t0 + 700_000)).toEqual(wanted)
    // Killed, then stopped in order: out of the log, out of a snapshot.
    for (let life = 0; life < 2; life++) {
      const again = await opened(directory, { config })
      expect(await held(again, t0 - 10_000, t0 + 700_000)).toEqual(wanted)
      await again.stop()
    }
    expect(() => serverConfig.parse({ storage: { out_of_order_time_window: '25h' } })).toThrow('longer than a day')
  })

  it('takes a body that is longer than a frame of the log', async () => {
    const directory = folder()
    const store = await opened(directory)
    const padding = Array.from({ length: 300 }, (_, k) => ({
      labels: labelsOf('m', { i: String(k), pad: noise(60_000, k) }),
      times: [t0],
      values: [k],
    }))
    const long = body(padding)
    expect(long.byteLength).toBeGreaterThan(16 << 20)
    expect(await store.append(long)).toEqual({ samples: 300, refused: {} })
    await store.append(round(t0 + 1000, 1))
    const again = await opened(directory)
    expect((await again.stats()).series).toBe(301)
  }, 60_000)

  it('refuses a sample from far ahead again after a restart, and takes what was taken whatever the clock says then', async () => {
    const directory = folder()
    const clock = virtualClock(t0)
    const store = await opened(directory, { clock })
    const year = 365 * 86_400_000
    await store.append(round(t0, 2))
    expect(await store.append(round(t0 + year, 2))).toMatchObject({ samples: 0, refused: { out_of_bounds: 2 } })
    await clock.advance(3_600_000)
    await store.append(round(t0 + 3_600_000, 2))
    for (const at of [t0, t0 - year]) {
      const again = await opened(directory, { clock: virtualClock(at) })
      expect(await all(again)).toEqual(expected([t0, t0 + 3_600_000], 2))
      expect((await again.stats()).maxTime).toBe(t0 + 3_600_000)
    }
  })

  it('refuses a malformed body with the same words, and is not the worse for it after a restart', async () => {
    const directory = folder()
    const store = await opened(directory)
    await store.append(round(t0, 2))
    await expect(store.append(new Uint8Array([1, 2, 3]).buffer)).rejects.toMatchObject({
      code: 'remote_write.malformed',
    })
    await store.append(round(t0 + 1, 2))
    expect(await all(await opened(directory))).toEqual(expected([t0, t0 + 1], 2))
  })
})

describe('damage', () => {
  const make = async (directory: string): Promise<void> => {
    const clock = virtualClock(t0)
    const store = await opened(directory, { clock })
    store.start()
    for (const [index, time] of times(60).entries()) {
      await store.append(round(time, 3))
      if (index !== 19 && index !== 39) continue
      await clock.advance(5 * 60_000)
      await until(async () => (await store.stats()).storage!.snapshots === (index + 1) / 20)
    }
  }
  const heads = (directory: string): string[] =>
    readdirSync(path.join(directory, 'snapshots'))
      .filter((name) => name.endsWith('.head'))
      .sort()

  it.each([
    ['cut', (bytes: Uint8Array) => bytes.subarray(0, bytes.length - 3)],
    ['emptied', () => new Uint8Array()],
    ['flipped in its head', (bytes: Uint8Array) => flipped(bytes, 20)],
    ['flipped in the middle', (bytes: Uint8Array) => flipped(bytes, bytes.length >> 1)],
    ['flipped in its end', (bytes: Uint8Array) => flipped(bytes, bytes.length - 1)],
  ])('a snapshot %s is set aside and named; the one before it and more of the log take its place', async (_how, hurt) => {
    const directory = folder()
    await make(directory)
    const newest = heads(directory).at(-1)!
    const file = path.join(directory, 'snapshots', newest)
    writeFileSync(file, hurt(readFileSync(file)))
    const again = await opened(directory)
    expect(await all(again)).toEqual(expected(times(60), 3))
    const { storage } = await again.stats()
    expect(storage!.replayed).toBe(40)
    expect(storage!.damage).toEqual([expect.stringContaining(newest)])
    expect(readdirSync(path.join(directory, 'snapshots'))).toContain(`${newest}.damaged`)
    // The next life does not find it again.
    expect((await (await opened(directory)).stats()).storage!.damage).toEqual([])
  })

  it('without any sound snapshot the log that is there is taken', async () => {
    const directory = folder()
    const store = await opened(directory)
    for (const time of times(30)) await store.append(round(time, 3))
    await store.stop()
    for (const name of heads(directory)) writeFileSync(path.join(directory, 'snapshots', name), 'nonsense')
    expect(await all(await opened(directory))).toEqual(expected(times(30), 3))
  })

  it('a log that lost what a snapshot stands on loses nothing that comes after', async () => {
    const directory = folder()
    const store = await opened(directory)
    for (const time of times(30)) await store.append(round(time, 3))
    await store.stop()
    for (const name of readdirSync(path.join(directory, 'wal'))) {
      if (!name.endsWith('.seg')) continue
      const file = path.join(directory, 'wal', name)
      writeFileSync(file, readFileSync(file).subarray(0, 200))
    }
    const second = await opened(directory)
    for (const time of times(30, 30)) await second.append(round(time, 3))
    expect(await all(await opened(directory))).toEqual(expected(times(60), 3))
  })
})

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const out = bytes.slice()
  out[at]! ^= 0x20
  return out
}

/** Text that does not compress. */
function noise(length: number, seed: number): string {
  let state = seed + 1
  return Array.from({ length }, () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0
    return String.fromCharCode(33 + ((state >>> 16) % 90))
  }).join('')
}
