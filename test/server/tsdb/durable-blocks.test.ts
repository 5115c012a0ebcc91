// Thirty hours through a store that keeps three hours in memory, killed on the way, beside one that keeps everything in memory: every question gets the
// same answer.

import { readdirSync } from 'node:fs'
import * as path from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { silentLog } from '../../../core/base/log.ts'
import { type VirtualClock, virtualClock } from '../../../core/base/virtual-clock.ts'
import type { QueryResult } from '../../../core/promql/query.ts'
import { labelsOf } from '../../../core/sample/sample.ts'
import { serverConfig } from '../../../server/config.ts'
import { type LocalStore, localStore } from '../../../server/tsdb/local-store.ts'
import { mortalFiles } from '../../helpers/mortal-files.ts'
import { random } from '../../helpers/random.ts'
import { body, folder, opened, removeFolders, t0 } from './durable-fixture.ts'

afterEach(removeFolders)

const hour = 3_600_000
const config = serverConfig.parse({ server: { retention: '3h' }, storage: { retention: '8d' } })

/** Series come and go: `i` lives for some hours around its number. */
function roundAt(time: number, n: number): ArrayBuffer {
  const age = (time - t0) / hour
  return body(
    Array.from({ length: 24 }, (_, i) => i)
      .filter((i) => i % 4 === 0 || Math.abs(age - i) < 3)
      .map((i) => ({
        labels: labelsOf(i % 2 === 0 ? 'even_total' : 'odd', { i: String(i), host: `h${i % 3}` }),
        times: [time + i],
        values: [i % 2 === 0 ? n * i + Math.floor(age) : Math.sin(n + i)],
      })),
  )
}

async function settle(store: LocalStore, clock: VirtualClock): Promise<void> {
  await clock.advance(10_000)
  // Work of the background is real time; a store that stands still for this many turns has done what there was.
  let before = ''
  for (let still = 0; still < 200; still++) {
    await new Promise((resolve) => setImmediate(resolve))
    const now = JSON.stringify((await store.stats()).storage)
    if (now !== before) still = 0
    before = now
  }
}

/** Vectors come in no particular order. */
const ordered = (result: QueryResult): unknown =>
  result.type === 'vector' ? result.samples.map((one) => JSON.stringify(one)).sort() : result

const queries = [
  'sum by (host) (rate(even_total[10m]))',
  'count({__name__=~"even_total|odd"})',
  'avg_over_time(odd[7h])',
  'even_total offset 9h',
  'max_over_time(rate(even_total[5m])[12h:30m])',
  'increase(even_total{i="0"}[1d])',
  'max(odd @ 1767240000)',
  'count_over_time({host="h1"}[26h] offset 2h)',
]

describe('a store with blocks', () => {
  it('answers as one that keeps everything in memory, over kills and restarts', async () => {
    const directory = folder()
    const source = random(5)
    let clock = virtualClock(t0)
    let life = mortalFiles()
    let store = await opened(directory, { clock, config, files: life.files })
    store.start()
    const plain = localStore({
      clock,
      log: silentLog,
      limits: { maxSeries: 20_000, retentionMs: Number.POSITIVE_INFINITY, samplesPerQuery: 1e9 },
      externalLabels: {},
      defaultIntervalMs: 15_000,
      rulesReady: () => true,
    })
    const compare = async (now: number): Promise<void> => {
      for (const query of queries) {
        const instant = {
          query,
          time: now - source.integer(0, 3) * source.integer(0, 4 * hour),
          timeoutMs: 60_000,
          lookbackMs: null,
        }
        expect(ordered(await store.query(instant)), `${query} at ${instant.time}`).toEqual(
          ordered(await plain.query(instant)),
        )
        const range = {
          query,
          start: now - 20 * hour,
          end: now,
          stepMs: 17 * 60_000,
          timeoutMs: 60_000,
          lookbackMs: null,
        }
        expect(await store.queryRange(range), query).toEqual(await plain.queryRange(range))
      }
      for (const from of [t0, now - 8 * hour, now - hour]) {
        const request = { selectors: [[{ name: 'host', op: '=' as const, value: 'h2' }]], from, to: from + 6 * hour }
        const sorted = (list: readonly unknown[]): string[] => list.map((one) => JSON.stringify(one)).sort()
        expect(sorted(await store.series(request))).toEqual(sorted(await plain.series(request)))
        expect(await store.labelValues('i', request)).toEqual(await plain.labelValues('i', request))
        expect(await store.labelNames(request)).toEqual(await plain.labelNames(request))
      }
    }
    for (let n = 0; n <= 30 * 60; n++) {
      const time = t0 + n * 60_000
      const sent = roundAt(time, n)
      expect(await store.append(sent)).toEqual(await plain.append(sent))
      if (n % 60 === 59) await settle(store, clock)
      if (n === 613 || n === 1201) {
        // Killed: nothing is told to the old one, and nothing that it still does counts.
        life.kill()
        life = mortalFiles()
        clock = virtualClock(t0)
        store = await opened(directory, { clock, config, files: life.files })
        store.start()
      }
      if (n % 600 === 599 || n === 614) await compare(time)
    }
    const { storage } = await store.stats()
    expect(storage).toMatchObject({ blockFailures: 0, damagedChunks: 0, damage: [] })
    const blocks = readdirSync(path.join(directory, 'blocks')).filter((name) => name.endsWith('.json'))
    // Twenty-eight hours of stretches of two, merged into six and eighteen.
    expect(blocks.length).toBe(storage!.blocks)
    expect(blocks.length).toBeLessThan(8)
    expect(blocks.length).toBeGreaterThan(2)
    // Memory has let go of what was over.
    expect((await store.stats()).series).toBeLessThan((await plain.stats()).series)
    await store.stop()
    store = await opened(directory, { clock, config })
    await compare(t0 + 30 * hour)
    expect((await store.stats()).storage!.replayed).toBe(0)
  }, 120_000)
})
