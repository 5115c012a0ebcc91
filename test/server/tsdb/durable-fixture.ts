// A durable store in a temporary folder, a body for a round of samples, and what a store holds as text: for tests and campaigns that end lives of
// stores in every way.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import * as path from 'node:path'
import { silentLog } from '../../../core/base/log.ts'
import { virtualClock } from '../../../core/base/virtual-clock.ts'
import { encodeWriteRequest } from '../../../core/sample/remote-write.ts'
import { labelsOf, type SeriesSamples } from '../../../core/sample/sample.ts'
import { serverConfig } from '../../../server/config.ts'
import { type DurableStoreDeps, durableStore } from '../../../server/tsdb/durable-store.ts'
import type { LocalStore } from '../../../server/tsdb/local-store.ts'

export const t0 = Date.UTC(2026, 0, 1)

const folders: string[] = []
export function folder(): string {
  const made = mkdtempSync(path.join(tmpdir(), 'iw-durable-'))
  folders.push(made)
  return made
}
export function removeFolders(): void {
  for (const made of folders.splice(0)) rmSync(made, { recursive: true, force: true })
}

export function open(directory: string, more: Partial<DurableStoreDeps> = {}): LocalStore {
  return durableStore({
    clock: virtualClock(t0),
    log: silentLog,
    config: serverConfig.parse({}),
    directory,
    rulesReady: () => true,
    ...more,
  })
}

export async function opened(directory: string, more: Partial<DurableStoreDeps> = {}): Promise<LocalStore> {
  const store = open(directory, more)
  await store.recover()
  return store
}

/** Lets what runs in the background come to this: the disk answers in its own time. */
export async function until(reached: () => Promise<boolean>): Promise<void> {
  for (let turn = 0; turn < 100_000 && !(await reached()); turn++) await new Promise((resolve) => setImmediate(resolve))
}

/** One sample for each series `m{i="0"}` …, its value a fraction of its own. */
export function round(time: number, series: number): ArrayBuffer {
  return body(
    Array.from({ length: series }, (_, i) => ({
      labels: labelsOf('m', { i: String(i) }),
      times: [time],
      values: [valueAt(time, i)],
    })),
  )
}
export const valueAt = (time: number, series: number): number => Math.sin(time / 1000 + series) * 1000

export function body(series: readonly SeriesSamples[]): ArrayBuffer {
  return new Uint8Array(encodeWriteRequest(series)).buffer
}

/** Every sample of `m` in (from, to], as `i@time=value`, sorted. */
export async function held(store: LocalStore, from: number, to: number): Promise<readonly string[]> {
  const range = `m[${to - from}ms]`
  const result = await store.query({ query: range, time: to, timeoutMs: 60_000, lookbackMs: null })
  if (result.type !== 'matrix') throw new Error(result.type)
  return result.series
    .flatMap(({ labels, times, values }) => {
      const i = labels.find(([name]) => name === 'i')![1]
      return Array.from(times, (time, at) => `${i}@${time}=${values[at]}`)
    })
    .sort()
}

/** What `held` must give after these rounds. */
export function expected(times: readonly number[], series: number): readonly string[] {
  return times.flatMap((time) => Array.from({ length: series }, (_, i) => `${i}@${time}=${valueAt(time, i)}`)).sort()
}
