// Makes blocks out of sections of series (docs/formats/head-snapshot.md) and out of blocks that are neighbours. Knows files only, neither the head nor
// which blocks there are, so that it can work on a thread of its own. Invariant: a block holds every sample of its stretch that its source held, once,
// in order; what did not come to its end leaves nothing behind.

import type { FileHandle, FileLayer } from '../base/file-layer.ts'
import { openBlock } from './block-folder.ts'
import type { BlockMeta } from './block-meta.ts'
import { openBlockPages } from './block-pages.ts'
import type { BlockQuerier } from './block-querier.ts'
import { type BlockWriter, blockPaths, openBlockWriter } from './block-writer.ts'
import { chunkRoom, decodeChunk, encodeChunk } from './chunk.ts'
import type { Labels, Window } from './seam.ts'
import { readSection, sectionHeadBytes } from './snapshot-format.ts'

/** Samples of a chunk in a block: two hours at 15 s are two of them. */
const chunkSamples = 240
const cacheBytes = 8 << 20

/** Samples of (from, to]. */
export type Cut = { readonly id: string; readonly from: number; readonly to: number }
/** `damaged`: this parent cannot be read; nothing was made. Else how many chunks were left out because they failed their check. */
export type Merged = { readonly damaged: string } | { readonly meta: BlockMeta; readonly damagedChunks: number }

/** One block at a time. Message-shaped. */
export type BlockMaker = {
  begin(cut: Cut): Promise<void>
  part(section: Uint8Array): Promise<void>
  /** The block, durable and under its name; null where no sample of its stretch came. */
  finish(): Promise<BlockMeta | null>
  /** Parents oldest first. */
  merge(parents: readonly BlockMeta[], id: string): Promise<Merged>
  /** Removes the files of blocks that nobody reads any more; what cannot be removed now goes at a later start. */
  remove(ids: readonly string[]): Promise<void>
  /** Nothing more is to be done for now. */
  rest(): Promise<void>
  /** Ends what is under way: that rejects. */
  stop(): Promise<void>
}

export function openBlockMaker(files: FileLayer, directory: string): BlockMaker {
  let current: { readonly cut: Cut; readonly writer: BlockWriter; readonly texts: string[] } | null = null
  let columns = columnsOf(1024)
  const encoded = new Uint8Array(chunkRoom(chunkSamples))

  const abandon = (): void => {
    current?.writer.abandon()
    current = null
  }
  const put = (labels: Labels, chunks: readonly Uint8Array[], open: Window, openCount: number): void => {
    const { cut, writer } = current!
    const room = chunks.reduce((sum, chunk) => sum + chunk[0]! + 1, openCount)
    if (room > columns.times.length) columns = columnsOf(room * 2)
    const { times, values, stale } = columns
    let held = 0
    for (const chunk of chunks) held += decodeChunk(chunk, columns, held) ?? 0
    for (let i = 0; i < openCount; i++, held++) {
      times[held] = open.times[i]!
      values[held] = open.values[i]!
      stale[held] = open.stale[i]!
    }
    let count = 0
    for (let i = 0; i < held; i++) {
      if (times[i]! <= cut.from || times[i]! > cut.to) continue
      times[count] = times[i]!
      values[count] = values[i]!
      stale[count++] = stale[i]!
    }
    if (count === 0) return
    const series = writer.series(labels)
    for (let at = 0; at < count; at += chunkSamples) {
      const length = Math.min(chunkSamples, count - at)
      const bytes = encoded.subarray(0, encodeChunk(columns, at, length, encoded))
      writer.chunk(series, bytes, times[at]!, times[at + length - 1]!)
    }
  }
  const write = async (writer: BlockWriter, sources: readonly BlockQuerier[]): Promise<BlockMeta> => {
    /** By source: number of the series in it by its number in the new block, plus one. */
    const places: Uint32Array[] = []
    let size = 0
    for (const source of sources) {
      const place: number[] = []
      for (let ref = 0; ref < source.size; ref++) {
        const series = writer.series(source.labels(ref))
        place[series] = ref + 1
        size = Math.max(size, series + 1)
      }
      places.push(Uint32Array.from(place, (one) => one ?? 0))
    }
    for (let series = 0; series < size; series++) {
      sources.forEach((source, number) => {
        const ref = (places[number]![series] ?? 0) - 1
        if (ref >= 0) source.chunks(ref, ({ bytes, first, last }) => writer.chunk(series, bytes, first, last))
      })
    }
    return writer.finish()
  }

  return {
    async begin(cut) {
      abandon()
      const { id, from: minTime, to: maxTime } = cut
      const writer = openBlockWriter(files, directory, { id, minTime, maxTime, level: 1, parents: [] })
      current = { cut, writer, texts: [] }
    },
    async part(section) {
      try {
        readSection(section.subarray(sectionHeadBytes), current!.texts, put)
      } catch (error) {
        abandon()
        throw error
      }
    },
    async finish() {
      const { writer } = current!
      if (writer.samples === 0) {
        abandon()
        return null
      }
      current = null
      return writer.finish()
    },
    async merge(parents, id) {
      const pages = openBlockPages(cacheBytes)
      const sources: { readonly querier: BlockQuerier; readonly file: FileHandle }[] = []
      let damagedChunks = 0
      try {
        for (const meta of parents) {
          try {
            sources.push(openBlock(files, directory, meta, pages, () => damagedChunks++))
          } catch {
            return { damaged: meta.id }
          }
        }
        const writer = openBlockWriter(files, directory, {
          id,
          minTime: parents[0]!.minTime,
          maxTime: parents.at(-1)!.maxTime,
          level: Math.max(...parents.map((meta) => meta.level)) + 1,
          parents: parents.map((meta) => meta.id),
        })
        try {
          const meta = await write(
            writer,
            sources.map(({ querier }) => querier),
          )
          return { meta, damagedChunks }
        } catch (error) {
          writer.abandon()
          throw error
        }
      } finally {
        for (const { file } of sources) file.close()
      }
    },
    async remove(ids) {
      for (const id of ids) {
        const { meta, index, chunks } = blockPaths(directory, id)
        try {
          for (const path of [meta, index, chunks]) files.remove(path)
        } catch {
          // As long as its meta file stands it is a block, and is removed again for its age.
        }
      }
    },
    rest: async () => {},
    stop: async () => abandon(),
  }
}

function columnsOf(length: number): Window {
  return { times: new Float64Array(length), values: new Float64Array(length), stale: new Uint8Array(length) }
}
