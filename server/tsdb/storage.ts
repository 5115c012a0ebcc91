// The store on disk: write-ahead log, snapshots and blocks under one folder. One loop does what must be done from time to time, one thing after another
// and in slices. Damage never stops a start: what is damaged is set aside, told and counted. What could not be written is tried again.

import type { Clock } from '../../core/base/clock.ts'
import { errorText, InferwardError } from '../../core/base/errors.ts'
import type { FileLayer } from '../../core/base/file-layer.ts'
import type { Log } from '../../core/base/log.ts'
import { encodeWriteRequest } from '../../core/sample/remote-write.ts'
import type { SeriesSamples } from '../../core/sample/sample.ts'
import { openBlockFolder } from '../../core/series/block-folder.ts'
import { type BlockMaker, openBlockMaker } from '../../core/series/block-maker.ts'
import { blockId } from '../../core/series/block-meta.ts'
import type { Head } from '../../core/series/head.ts'
import { openSnapshots } from '../../core/series/head-snapshot.ts'
import { type Merging, openMerging } from '../../core/series/merged-querier.ts'
import { openWal } from '../../core/series/wal.ts'
import { type BlockLimits, openBlockUpkeep } from './block-upkeep.ts'
import type { Persistence } from './persistence.ts'

export type StorageDeps = {
  readonly clock: Clock
  readonly log: Log
  readonly files: FileLayer
  readonly directory: string
  /** Fills the bytes by chance. */
  readonly random: (bytes: Uint8Array) => Uint8Array
  /** How far back the head keeps samples; blocks hold the rest. */
  readonly headMs: number
  /** No block holds anything as new as this, seen from the newest sample. */
  readonly outOfOrderMs: number
  /** Gives everybody else a turn. */
  readonly turn: () => Promise<void>
  /** Makes the blocks of this folder; left out: on this thread. */
  readonly maker?: (directory: string) => BlockMaker
  readonly limits?: Partial<StorageLimits>
}
export type StorageLimits = BlockLimits & {
  readonly segmentBytes: number
  readonly walCapBytes: number
  readonly snapshotEveryMs: number
  /** Bytes of log after which a snapshot is written before its time. */
  readonly snapshotAfterBytes: number
  readonly tickMs: number
  readonly cacheBytes: number
}
const defaults: StorageLimits = {
  segmentBytes: 64 << 20,
  walCapBytes: 4 * 2 ** 30,
  snapshotEveryMs: 5 * 60_000,
  snapshotAfterBytes: 256 << 20,
  tickMs: 10_000,
  blockMs: 2 * 3_600_000,
  graceMs: 3_600_000,
  cacheBytes: 64 << 20,
  retentionMs: 15 * 86_400_000,
  maxBytes: null,
}
/** Longest stretch of work without a turn for others. */
const sliceMs = 4
const replaySliceBytes = 8 << 20
/** A bound is written anew once it has moved by this, and read with as much to spare. */
const boundSlackMs = 60_000
/** How much newer than the log the samples of a snapshot may be: it is written while samples come in. */
const fuzzyMs = 10 * 60_000
/** Spares a bound for every tick of rules while nothing else comes in. */
const ownAheadMs = 10 * 60_000

export function openStorage(deps: StorageDeps): Persistence {
  const { clock, log, files, directory } = deps
  const given = { ...defaults, ...deps.limits }
  const limits = { ...given, graceMs: Math.max(given.graceMs, deps.outOfOrderMs) }
  files.makeDirectory(directory)
  const snapshots = openSnapshots(files, `${directory}/snapshots`)
  const wal = openWal({
    ...limits,
    files,
    directory: `${directory}/wal`,
    capBytes: limits.walCapBytes,
    newEpoch: () => new DataView(deps.random(new Uint8Array(8)).buffer).getBigUint64(0, true),
  })
  const blocks = openBlockFolder(files, `${directory}/blocks`, {
    cacheBytes: limits.cacheBytes,
    monotonic: () => clock.monotonic(),
  })
  const maker = deps.maker?.(`${directory}/blocks`) ?? openBlockMaker(files, `${directory}/blocks`)
  let head: Head | null = null
  let merging: Merging | null = null
  let timer: Disposable | null = null
  let running: Promise<void> = Promise.resolve()
  let busy = false
  const stopping = new AbortController()
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
  /** The log refused a body for its cap. */
  let full = false
  let recoveryMs = 0
  /** Of the last bound in the log; NaN: the next body needs one before it. */
  let bound = Number.NaN
  /** Snapshots begun: what is behind the beginning of one must be understood without what is before it. */
  let begun = 0

  let sliceStart = 0
  const pause = async (): Promise<void> => {
    if (clock.monotonic() - sliceStart < sliceMs) return
    await deps.turn()
    sliceStart = clock.monotonic()
  }
  const upkeep = openBlockUpkeep({
    log,
    blocks,
    maker,
    limits,
    pause,
    headMs: deps.headMs,
    newId: () => blockId(clock.now(), deps.random),
    monotonic: () => clock.monotonic(),
    signal: stopping.signal,
  })

  const snapshot = async (source: Head): Promise<void> => {
    flushOwn()
    const begin = wal.written
    // Whoever replays from here needs the bound again.
    bound = Number.NaN
    begun++
    const at = { epoch: wal.epoch, sequence: wal.next, closed: upkeep.closed }
    try {
      await wal.commit() // what a snapshot stands on must not be lost before it
      const made = await snapshots.write(source, at, pause)
      written++
      writtenAtSnapshot = begin
      // Of a large head a snapshot is worth more log; both kept ones must fit under the cap.
      snapshotAfter = Math.min(Math.max(limits.snapshotAfterBytes, made.bytes), limits.walCapBytes / 4)
      // A log at its cap needs room at once, even if then only one snapshot stands on what is left.
      const needed = full ? at.sequence : snapshots.neededFrom(wal.epoch)
      if (needed !== null) wal.release(needed)
      full = false
      ahead = false
    } catch (error) {
      snapshotFailures++
      log.error('store: no snapshot, the one before it stays', { error: errorText(error) })
    }
    snapshotAt = clock.monotonic()
  }
  const due = (): boolean =>
    full ||
    ahead ||
    (wal.written > writtenAtSnapshot &&
      (clock.monotonic() - snapshotAt >= limits.snapshotEveryMs || wal.written - writtenAtSnapshot >= snapshotAfter))

  const maintain = async (source: Head): Promise<void> => {
    await upkeep.run(source)
    if (due()) await snapshot(source)
  }
  /** Runs the maintenance unless it runs already; never rejects. */
  const kick = (): void => {
    const source = head
    if (busy || stopping.signal.aborted || source === null) return
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
      if (!stopping.signal.aborted) later()
    })
  }

  /** Puts a bound into the log where the last one does not say the same. */
  const keepBound = (latest: number): void => {
    if (Math.abs(latest - bound) <= boundSlackMs) return
    wal.bound(latest)
    bound = latest
  }
  const flushOwn = (): void => {
    const series = own
    own = []
    if (series.length === 0) return
    try {
      const newest = series.reduce((most, one) => Math.max(most, one.times[0]!), Number.NEGATIVE_INFINITY)
      if (!(newest <= bound)) keepBound(newest + ownAheadMs)
      wal.append('write', encodeWriteRequest(series))
    } catch (error) {
      log.warn('store: results of rules are kept in memory only', { samples: series.length, error: errorText(error) })
    }
  }
  const tellDamage = (): readonly string[] => [
    ...blocks.damage,
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
      merging = openMerging(empty)
      upkeep.begin(empty, Math.max(blocks.until, found?.closed ?? Number.NEGATIVE_INFINITY))
      // Of another life of the log its numbers mean nothing: then all of it is replayed.
      ahead = found?.epoch === wal.epoch && found.sequence > wal.next
      // What the log took before it came as far as the snapshot must not be too old now.
      const reached = empty.maxTime
      if (found !== null) empty.allow(fuzzyMs)
      let from: number | null = found?.epoch === wal.epoch ? found.sequence : 1
      while (from !== null) {
        from = wal.replay(from, replaySliceBytes, (kind, body, latest) => {
          try {
            replayedBytes += body.length
            apply(kind, body, latest + boundSlackMs)
            replayed++
          } catch {
            malformed++ // refused then as now
          }
          if (empty.maxTime > reached) empty.allow(0)
        })
        await pause()
      }
      empty.allow(0)
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
    record(kind, body, latest) {
      if (ahead) {
        throw new InferwardError({
          code: 'store.unwritable',
          message: 'the write-ahead log was damaged, and no new snapshot could be written yet',
          retryable: true,
          hint: 'Make room on the disk that holds the data folder.',
        })
      }
      try {
        if (kind !== 'samples') keepBound(latest)
        wal.append(kind, body)
      } catch (error) {
        full ||= (error as { code?: unknown }).code === 'store.full'
        if (full) kick()
        throw error
      }
      if (wal.written - writtenAtSnapshot >= snapshotAfter) kick()
    },
    get piece() {
      return `${begun}/${wal.segment}`
    },
    own(labels, time, value, stale) {
      if (own.length === 0) queueMicrotask(flushOwn)
      own.push({ labels, times: [time], values: [value], ...(stale ? { stale: [true] } : {}) })
    },
    commit: () => wal.commit(),
    async prepare(from, to, pause) {
      if (merging === null || from >= upkeep.seam || blocks.metas.length === 0) return
      await merging.prepare(blocks.queriers(from, Math.min(to, upkeep.seam)), pause)
    },
    querier(from, to) {
      if (head === null || merging === null) throw new Error('the store is read before it was recovered')
      if (from >= upkeep.seam || blocks.metas.length === 0) return head
      const older = blocks.queriers(from, Math.min(to, upkeep.seam))
      return older.length === 0 ? head : merging.querier(older, upkeep.seam)
    },
    get seam() {
      return blocks.metas.length === 0 ? Number.NEGATIVE_INFINITY : upkeep.seam
    },
    start: later,
    async stop() {
      stopping.abort()
      timer?.[Symbol.dispose]()
      await maker.stop()
      await running
      if (head !== null && wal.written > writtenAtSnapshot) await snapshot(head)
      blocks.close()
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
        blocks: blocks.metas.length,
        blockBytes: blocks.bytes,
        blockList: blocks.metas,
        blockFailures: upkeep.failures,
        damagedChunks: blocks.damagedChunks,
        damage: tellDamage(),
      }
    },
  }
}
