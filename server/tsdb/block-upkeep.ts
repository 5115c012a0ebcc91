// What is done to blocks from time to time: stretches that are over leave the head for a block, neighbours are merged, old ones go. Invariant: the
// head gives nothing up that no block holds, unless no block could be written for long, and then says so.

import { errorText } from '../../core/base/errors.ts'
import type { Log } from '../../core/base/log.ts'
import type { BlockFolder } from '../../core/series/block-folder.ts'
import type { BlockMaker } from '../../core/series/block-maker.ts'
import { planMerge, planRemoval } from '../../core/series/block-meta.ts'
import { cutBlock, mergeBlocks } from '../../core/series/compaction.ts'
import type { Head } from '../../core/series/head.ts'

export type BlockLimits = {
  /** Stretch of a block as it leaves the head, and how far the newest sample must be past it. */
  readonly blockMs: number
  readonly graceMs: number
  /** How long blocks are kept, counted from the newest sample. */
  readonly retentionMs: number
  /** Most bytes of blocks; null: bounded by age alone. */
  readonly maxBytes: number | null
}
export type BlockUpkeep = {
  /** Takes over from earlier lives: samples up to `closed` lie in blocks. */
  begin(head: Head, closed: number): void
  /** Never rejects. */
  run(head: Head): Promise<void>
  /** Samples up to here lie in blocks; the head takes none of them any more. */
  readonly closed: number
  /** Later than this the head holds everything. */
  readonly seam: number
  readonly failures: number
}

/** Indexes of blocks that no query asked for in this time are let go. */
const idleMs = 10 * 60_000
/** Going through all series pays once so much can be given back. */
const collectEveryMs = 10 * 60_000
/** Stretches without a single sample that one run passes over. */
const emptyStretches = 64

export function openBlockUpkeep(deps: {
  readonly log: Log
  readonly blocks: BlockFolder
  readonly maker: BlockMaker
  readonly limits: BlockLimits
  /** How far back the head keeps samples. */
  readonly headMs: number
  readonly newId: () => string
  readonly monotonic: () => number
  readonly pause: () => Promise<void>
  /** Aborted when the store stops: what is not done then is done after the next start. */
  readonly signal: AbortSignal
}): BlockUpkeep {
  const { blocks, maker, log, newId, signal } = deps
  const { blockMs, graceMs, retentionMs, maxBytes } = deps.limits
  let closed = Number.NEGATIVE_INFINITY
  let seam = Number.NEGATIVE_INFINITY
  let collectedTo = Number.NEGATIVE_INFINITY
  let failures = 0

  const pause = async (): Promise<void> => {
    await deps.pause()
    signal.throwIfAborted()
  }
  const cut = async (head: Head): Promise<void> => {
    for (let empty = 0; empty < emptyStretches; ) {
      // What is past the retention needs no block.
      const first = Math.max(head.minTime, head.maxTime - retentionMs)
      const from = Math.max(closed, (Math.ceil(first / blockMs) - 1) * blockMs)
      const to = (Math.floor(from / blockMs) + 1) * blockMs
      if (!(head.maxTime >= to + graceMs)) return
      head.close(to)
      if ((await cutBlock(head, blocks, maker, { id: newId(), from, to }, pause)) === null) empty++
      closed = to
    }
  }
  const collect = (head: Head): void => {
    const latest = head.maxTime - deps.headMs
    const oldest = Math.max(Math.min(latest, closed), latest - Math.max(deps.headMs, 3 * blockMs))
    if (!Number.isFinite(oldest) || oldest - collectedTo < collectEveryMs) return
    collectedTo = oldest
    if (oldest > closed && head.minTime < oldest)
      log.error('store: samples leave memory that no block could be written for')
    head.collect(oldest)
    seam = Math.max(seam, oldest)
  }
  const tidy = async (head: Head): Promise<void> => {
    const gone = planRemoval(blocks.metas, head.maxTime, retentionMs, maxBytes).map(({ id }) => id)
    for (const id of gone) blocks.forget(id)
    if (gone.length > 0) await maker.remove(gone)
    const parents = planMerge(blocks.metas, blockMs, retentionMs)
    if (parents !== null) await mergeBlocks(blocks, maker, parents, newId())
    await maker.rest()
    blocks.unload(deps.monotonic() - idleMs)
  }

  return {
    begin(head, until) {
      closed = until
      seam = until
      head.close(until)
    },
    async run(head) {
      try {
        await cut(head)
        await tidy(head)
      } catch (error) {
        if (signal.aborted) return
        failures++
        log.error('store: no block, it is tried again', { error: errorText(error) })
      }
      collect(head)
    },
    get closed() {
      return closed
    },
    get seam() {
      return seam
    },
    get failures() {
      return failures
    },
  }
}
