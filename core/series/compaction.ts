// Makes blocks: of a stretch of the head, and of blocks that are neighbours. Works in slices; what reads and appends goes on meanwhile. Invariant: a
// block holds every sample of its stretch that its source held, once, in order.

import type { BlockFolder } from './block-folder.ts'
import type { BlockMeta } from './block-meta.ts'
import { chunkRoom, encodeChunk } from './chunk.ts'
import type { Head } from './head.ts'
import type { Window } from './seam.ts'

/** Samples of a chunk in a block: two hours at 15 s are two of them. */
const chunkSamples = 240

type Pause = () => Promise<void>

/** Writes the head's samples of (from, to] into a block; null where it has none. The head must take no more samples of that stretch. */
export async function cutBlock(
  head: Head,
  blocks: BlockFolder,
  about: { readonly id: string; readonly from: number; readonly to: number },
  pause: Pause,
): Promise<BlockMeta | null> {
  const { from, to } = about
  const writer = blocks.create({ id: about.id, minTime: from, maxTime: to, level: 1, parents: [] })
  try {
    let columns = columnsOf(1024)
    const encoded = new Uint8Array(chunkRoom(chunkSamples))
    for (let ref = 0; ref < head.bound; ref++) {
      if (!head.has(ref)) continue
      let count = head.window(ref, from, to, columns)
      if (count > columns.times.length) {
        columns = columnsOf(count)
        count = head.window(ref, from, to, columns)
      }
      if (count === 0) continue
      const series = writer.series(head.labels(ref))
      for (let at = 0; at < count; at += chunkSamples) {
        const length = Math.min(chunkSamples, count - at)
        const bytes = encoded.subarray(0, encodeChunk(columns, at, length, encoded))
        writer.chunk(series, bytes, columns.times[at]!, columns.times[at + length - 1]!)
      }
      await pause()
    }
    if (writer.samples === 0) {
      writer.abandon()
      return null
    }
    const meta = await writer.finish(pause)
    blocks.add(meta)
    return meta
  } catch (error) {
    writer.abandon()
    throw error
  }
}

/** Puts one block in the place of `parents` (oldest first); null where one of them turned out to be damaged, and was set aside. */
export async function mergeBlocks(
  blocks: BlockFolder,
  parents: readonly BlockMeta[],
  id: string,
  pause: Pause,
): Promise<BlockMeta | null> {
  const sources = parents.map((meta) => blocks.querier(meta.id))
  if (sources.includes(null)) return null
  const writer = blocks.create({
    id,
    minTime: parents[0]!.minTime,
    maxTime: parents.at(-1)!.maxTime,
    level: Math.max(...parents.map((meta) => meta.level)) + 1,
    parents: parents.map((meta) => meta.id),
  })
  try {
    /** By source: number of the series in it by its number in the new block, plus one. */
    const places: Uint32Array[] = []
    let size = 0
    for (const source of sources) {
      const place: number[] = []
      for (let ref = 0; ref < source!.size; ref++) {
        const series = writer.series(source!.labels(ref))
        place[series] = ref + 1
        size = Math.max(size, series + 1)
        if (ref % 64 === 0) await pause()
      }
      places.push(Uint32Array.from(place, (one) => one ?? 0))
    }
    for (let series = 0; series < size; series++) {
      sources.forEach((source, number) => {
        const ref = (places[number]![series] ?? 0) - 1
        if (ref >= 0) source!.chunks(ref, ({ bytes, first, last }) => writer.chunk(series, bytes, first, last))
      })
      if (series % 16 === 0) await pause()
    }
    const meta = await writer.finish(pause)
    blocks.add(meta)
    return meta
  } catch (error) {
    writer.abandon()
    throw error
  }
}

function columnsOf(length: number): Window {
  return { times: new Float64Array(length), values: new Float64Array(length), stale: new Uint8Array(length) }
}
