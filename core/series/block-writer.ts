// Writes one block: series first or as they come, their chunks in the order of the series, the index at the end. Invariant: nothing of it exists for
// readers until the meta file stands under its name; what is left of an attempt that failed is removed.

import { crc32 } from 'node:zlib'
import type { FileHandle, FileLayer } from '../base/file-layer.ts'
import { buildIndex, encodeIndex } from './block-index.ts'
import { type BlockMeta, encodeMeta } from './block-meta.ts'
import { Column } from './column.ts'
import { openLabelSets } from './label-sets.ts'
import type { Labels } from './seam.ts'

export const chunksMagic = Uint8Array.of(0x49, 0x57, 0x43, 0x48, 0x4b, 0, 0, 1) // IWCHK, version 1
const bufferBytes = 1 << 20

export type BlockWriter = {
  /** Number of the series, given on the first call with its labels. */
  series(labels: Labels): number
  /** Appends a chunk; series rise, chunks of one are oldest first. */
  chunk(series: number, bytes: Uint8Array, first: number, last: number): void
  readonly samples: number
  /** Makes the block durable and gives it its name. */
  finish(): Promise<BlockMeta>
  /** Removes what was written. */
  abandon(): void
}

export function openBlockWriter(
  files: FileLayer,
  directory: string,
  about: Pick<BlockMeta, 'id' | 'minTime' | 'maxTime' | 'level' | 'parents'>,
): BlockWriter {
  const paths = blockPaths(directory, about.id)
  const sets = openLabelSets()
  const columns = {
    of: new Column(new Uint32Array(1024)),
    first: new Column(new Float64Array(1024)),
    last: new Column(new Float64Array(1024)),
    offset: new Column(new Float64Array(1024)),
    length: new Column(new Uint32Array(1024)),
  }
  let file: FileHandle | null = files.open(paths.chunks, 'append')
  const buffer = new Uint8Array(bufferBytes)
  const view = new DataView(buffer.buffer)
  buffer.set(chunksMagic)
  let used = chunksMagic.length
  let written = 0
  let samples = 0

  const flush = (): void => {
    file!.append(buffer.slice(0, used))
    written += used
    used = 0
  }
  const abandon = (): void => {
    try {
      file?.close()
      file = null
      for (const path of [paths.meta, paths.index, paths.chunks]) files.remove(path)
    } catch {
      // Left-overs without a meta file are removed at the next start.
    }
  }

  return {
    abandon,
    get samples() {
      return samples
    },
    series(labels) {
      const known = sets.find(labels)
      return known >= 0 ? known : sets.add(labels)
    },
    chunk(series, bytes, first, last) {
      if (used + 4 + bytes.length > buffer.length) flush()
      columns.of.push(series)
      columns.first.push(first)
      columns.last.push(last)
      columns.offset.push(written + used)
      columns.length.push(bytes.length)
      view.setUint32(used, crc32(bytes), true)
      buffer.set(bytes, used + 4)
      used += 4 + bytes.length
      samples += bytes[0]! + 1
    },
    async finish() {
      try {
        flush()
        const chunkStarts = new Uint32Array(sets.bound + 1)
        for (const series of columns.of.values) chunkStarts[series + 1]!++
        for (let series = 0; series < sets.bound; series++) chunkStarts[series + 1]! += chunkStarts[series]!
        const parts = encodeIndex({
          ...buildIndex(sets),
          chunkStarts,
          chunkFirst: columns.first.values,
          chunkLast: columns.last.values,
          chunkOffsets: columns.offset.values,
          chunkLengths: columns.length.values,
        })
        const index = files.open(paths.index, 'append')
        let indexBytes = 0
        try {
          for (const part of parts) {
            index.append(part)
            indexBytes += part.length
          }
          await index.syncAsync()
        } finally {
          index.close()
        }
        await file!.syncAsync()
        file!.close()
        file = null
        const meta: BlockMeta = {
          version: 1,
          ...about,
          series: sets.bound,
          samples,
          chunks: columns.of.length,
          chunkBytes: written,
          indexBytes,
        }
        files.writeAtomic(paths.meta, encodeMeta(meta))
        return meta
      } catch (error) {
        abandon()
        throw error
      }
    },
  }
}

export function blockPaths(directory: string, id: string): { readonly meta: string; index: string; chunks: string } {
  const base = `${directory}/${id}`
  return { meta: `${base}.json`, index: `${base}.index`, chunks: `${base}.chunks` }
}
