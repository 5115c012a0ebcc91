// The store on disk: write-ahead log and snapshots under one folder. One loop does what must be done from time to time, one thing after another
// and in slices. Damage never stops a start: what is damaged is set aside, told and counted. What could not be written is tried again.

import type { Clock } from '../../core/base/clock.ts'
import { errorText, InferwardError } from '../../core/base/errors.ts'
import type { FileLayer } from '../../core/base/file-layer.ts'
import type { Log } from '../../core/base/log.ts'
import { encodeWriteRequest } from '../../core/sample/remote-write.ts'
import type { SeriesSamples } from '../../core/sample/sample.ts'
import type { Head } from '../../core/series/head.ts'
import { openSnapshots } from '../../core/series/head-snapshot.ts'
import { openWal } from '../../core/series/wal.ts'
import type { Persistence } from './persistence.ts'

export type StorageDeps = {
  readonly clock: Clock
  readonly log: Log
  readonly files: FileLayer
  readonly directory: string
  readonly newEpoch: () => bigint
  /** Gives everybody else a turn. */
  readonly turn: () => Promise<void>
  readonly limits?: Partial<StorageLimits>
}
export type StorageLimits = {
  readonly segmentBytes: number
  readonly walCapBytes: number
  readonly snapshotEveryMs: number
  /** Bytes of log after which a snapshot is written before its time. */
  readonly snapshotAfterBytes: number
  readonly tickMs: number
  /** How long blocks are kept, counted from the newest sample. */
  readonly retentionMs: number
  /** Most bytes of blocks; null: bounded by age alone. */
  readonly maxBytes: number | null
}
const defaults: StorageLimits = {
  segmentBytes: 64 << 20,
  walCapBytes: 4 * 2 ** 30,
  snapshotEveryMs: 5 * 60_000,
  snapshotAfterBytes: 256 << 20,
  tickMs: 10_000,
  retentionMs: 15 * 86_400_000,
  maxBytes: null,
}
/** Longest stretch of work without a turn for others. */
const sliceMs = 4
const replaySliceBytes = 8 << 20

export function openStorage(deps: StorageDeps): Persistence {
  const { clock, log, files, directory } = deps
  const limits = { ...defaults, ...deps.limits }
  files.makeDirectory(directory)
  const snapshots = openSnapshots(files, `${directory}/snapshots`)
  const wal = openWal({
    ...limits,
    files,
    directory: `${directory}/wal`,
    capBytes: limits.walCapBytes,
    newEpoch: deps.newEpoch,
  })
  let head: Head | null = null
  let timer: Disposable | null = null
  let running: Promise<void> = Promise.resolve()
  let busy = false
  let stopped = false
  let own: SeriesSamples[] = []
  let snapshotAt = clock.monotonic()
  let snapshotAfter = limits.snapshotAfterBytes
  let writtenAtSnapshot = 0
  let written = 0
  let snapshotFailures = 0
  let replayed = 0
  let malformed = 0
  /** The snapshot in force names frames that the log has lost: new ones under their numbers would not be replayed. */
  let ahead = false
  let recoveryMs = 0

  let sliceStart = 0
  const pause = async (): Promise<void> => {
    if (clock.monotonic() - sliceStart < sliceMs) return
    await deps.turn()
    sliceStart = clock.monotonic()
  }

  const snapshot = async (source: Head): Promise<void> => {
    flushOwn()
    const begin = wal.written
    const at = { epoch: wal.epoch, sequence: wal.next, closed: Number.NEGATIVE_INFINITY }
    try {
      await wal.commit() // what a snapshot stands on must not be lost before it
      const made = await snapshots.write(source, at, pause)
      written++
      writtenAtSnapshot = begin
      // Of a large head a snapshot is worth more log; both kept ones must fit under the cap.
      snapshotAfter = Math.min(Math.max(limits.snapshotAfterBytes, made.bytes), limits.walCapBytes / 4)
      const needed = snapshots.neededFrom(wal.epoch)
      if (needed !== null) wal.release(needed)
      ahead = false
    } catch (error) {
      snapshotFailures++
      log.error('store: no snapshot, the one before it stays', { error: errorText(error) })
    }
    snapshotAt = clock.monotonic()
  }
  const due = (): boolean =>
    wal.written > writtenAtSnapshot &&
    (ahead ||
      clock.monotonic() - snapshotAt >= limits.snapshotEveryMs ||
      wal.written - writtenAtSnapshot >= snapshotAfter)

  const maintain = async (source: Head): Promise<void> => {
    if (due()) await snapshot(source)
  }
  /** Runs the maintenance unless it runs already; never rejects. */
  const kick = (): void => {
    const source = head
    if (busy || stopped || source === null) return
    busy = true
    running = maintain(source)
      .catch((error: unknown) => log.error('store: maintenance failed', { error: errorText(error) }))
      .finally(() => {
        busy = false
      })
  }
  const later = (): void => {
    timer = clock.timer(limits.tickMs, () => {
      kick()
      if (!stopped) later()
    })
  }

  const flushOwn = (): void => {
    const series = own
    own = []
    if (series.length === 0) return
    try {
      wal.append('write', encodeWriteRequest(series))
    } catch (error) {
      log.warn('store: results of rules are kept in memory only', { samples: series.length, error: errorText(error) })
    }
  }
  const tellDamage = (): readonly string[] => [
    ...snapshots.damage.map(({ path, words }) => `snapshot ${path}: ${words}`),
    ...wal.stats().damage.map(({ path, kind, bytesCut, lost }) => {
      const gone = lost === null ? '' : `, frames ${lost[0]} to ${lost[1] - 1} lost`
      return `write-ahead log ${path}: ${kind === 'torn_tail' ? 'torn tail' : kind}, ${bytesCut} bytes cut${gone}`
    }),
  ]

  return {
    async recover(empty, apply) {
      const begin = clock.monotonic()
      head = empty
      let replayedBytes = 0
      const found = snapshots.load(empty)
      if (found !== null) empty.close(found.closed)
      // Of another life of the log its numbers mean nothing: then all of it is replayed.
      ahead = found?.epoch === wal.epoch && found.sequence > wal.next
      let from: number | null = found?.epoch === wal.epoch ? found.sequence : 1
      while (from !== null) {
        from = wal.replay(from, replaySliceBytes, (kind, body) => {
          try {
            replayedBytes += body.length
            apply(kind, body)
            replayed++
          } catch {
            malformed++ // refused then as now
          }
        })
        await pause()
      }
      recoveryMs = clock.monotonic() - begin
      // A start that had much to replay should not have it again.
      writtenAtSnapshot = -replayedBytes
      if (ahead) await snapshot(empty)
      for (const words of tellDamage()) log.warn('store: damaged part set aside', { damage: words })
      log.info('store: recovered', {
        series: empty.size,
        fromSnapshot: found?.series ?? 0,
        replayed,
        malformed,
        ms: Math.round(recoveryMs),
      })
    },
    record(kind, body) {
      if (ahead) {
        throw new InferwardError({
          code: 'store.unwritable',
          message: 'the write-ahead log was damaged, and no new snapshot could be written yet',
          retryable: true,
          hint: 'Make room on the disk that holds the data folder.',
        })
      }
      wal.append(kind, body)
      if (wal.written - writtenAtSnapshot >= snapshotAfter) kick()
    },
    own(labels, time, value, stale) {
      if (own.length === 0) queueMicrotask(flushOwn)
      own.push({ labels, times: [time], values: [value], ...(stale ? { stale: [true] } : {}) })
    },
    commit: () => wal.commit(),
    querier: () => {
      if (head === null) throw new Error('the store is read before it was recovered')
      return head
    },
    start: later,
    async stop() {
      stopped = true
      timer?.[Symbol.dispose]()
      await running
      if (head !== null && wal.written > writtenAtSnapshot) await snapshot(head)
      await wal.close()
    },
    stats() {
      const { bytes, failures } = wal.stats()
      return {
        walBytes: bytes,
        walFailures: failures,
        snapshots: written,
        snapshotFailures,
        replayed,
        recoveryMs,
        blocks: 0,
        blockBytes: 0,
        blockFailures: 0,
        damage: tellDamage(),
      }
    },
  }
}
