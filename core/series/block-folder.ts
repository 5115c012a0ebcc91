// The blocks of a store: which there are, oldest first, and their Queriers. Invariant: opening never fails for damage; a block that is damaged is set
// aside under its name and told, and all others serve.

import { errorText } from '../base/errors.ts'
import type { FileHandle, FileLayer } from '../base/file-layer.ts'
import { decodeIndex } from './block-index.ts'
import { type BlockMeta, decodeMeta } from './block-meta.ts'
import { type BlockPages, openBlockPages } from './block-pages.ts'
import { type BlockQuerier, blockQuerier } from './block-querier.ts'
import { blockPaths, chunksMagic } from './block-writer.ts'

export type BlockFolder = {
  /** Oldest first, disjoint. */
  readonly metas: readonly BlockMeta[]
  /** Newest time that any block holds; -Infinity where there is none. */
  readonly until: number
  /** Queriers of the blocks that hold samples of (from, to], oldest first. A block whose index is damaged is set aside here. */
  queriers(from: number, to: number): readonly BlockQuerier[]
  /** Null where the block is damaged; it is set aside then. */
  querier(id: string): BlockQuerier | null
  /** Puts a finished block in force in place of its parents; their files are left to the caller. */
  add(meta: BlockMeta): void
  /** Takes a block out of force; its files are left to the caller. */
  forget(id: string): void
  /** Removes what is left of a block that never was in force. */
  discard(id: string): void
  /** So many chunks of these blocks failed their check where somebody else read them. */
  lost(ids: readonly string[], chunks: number): void
  /** Lets go of what no query has used since `before`, on the caller's monotonic clock. */
  unload(before: number): void
  readonly damage: readonly string[]
  /** Chunks left out of answers because they failed their check. */
  readonly damagedChunks: number
  readonly bytes: number
  close(): void
}

type Slot = {
  readonly meta: BlockMeta
  loaded: { readonly querier: BlockQuerier; readonly file: FileHandle } | null
  usedAt: number
}

export function openBlockFolder(
  files: FileLayer,
  directory: string,
  options: { readonly cacheBytes: number; readonly monotonic: () => number },
): BlockFolder {
  files.makeDirectory(directory)
  const pages = openBlockPages(options.cacheBytes)
  const damage: string[] = []
  let damagedChunks = 0
  let slots: Slot[] = []

  const tryTo = (work: () => void): void => {
    try {
      work()
    } catch {
      // Tried again at the next start.
    }
  }
  const setAside = (id: string, words: string): void => {
    damage.push(`block ${directory}/${id}: ${words}`)
    // The meta file last: without it the others would be taken for left-overs.
    const { meta, index, chunks } = blockPaths(directory, id)
    for (const path of [meta, index, chunks]) tryTo(() => files.exists(path) && files.rename(path, `${path}.damaged`))
  }
  const release = (slot: Slot): void => {
    if (slot.loaded === null) return
    pages.forget(slot.loaded.file)
    slot.loaded.file.close()
    slot.loaded = null
  }
  const lost = (id: string, chunks: number): void => {
    if (damagedChunks === 0) damage.push(`block ${directory}/${id}: chunks are damaged and left out`)
    damagedChunks += chunks
  }
  const removeFiles = (id: string): void => {
    const { meta, index, chunks } = blockPaths(directory, id)
    for (const path of [meta, index, chunks]) files.remove(path)
  }
  const load = (slot: Slot): BlockQuerier | null => {
    slot.usedAt = options.monotonic()
    if (slot.loaded !== null) return slot.loaded.querier
    const { meta } = slot
    try {
      slot.loaded = openBlock(files, directory, meta, pages, () => lost(meta.id, 1))
      return slot.loaded.querier
    } catch (error) {
      slots = slots.filter((one) => one !== slot)
      setAside(meta.id, errorText(error))
      return null
    }
  }
  /** Words where the files are not what the meta says. */
  const fault = (meta: BlockMeta): string | null => {
    const paths = blockPaths(directory, meta.id)
    for (const [path, bytes] of [
      [paths.chunks, meta.chunkBytes],
      [paths.index, meta.indexBytes],
    ] as const) {
      if (!files.exists(path)) return `${path} is missing`
      const file = files.open(path, 'read')
      try {
        if (file.size() !== bytes) return `${path} has ${file.size()} bytes, not ${bytes}`
        if (path === paths.chunks && !chunksMagic.every((byte, i) => file.read(0, 8)[i] === byte))
          return `${path} holds no chunks`
      } finally {
        file.close()
      }
    }
    return null
  }
  const insert = (meta: BlockMeta): void => {
    slots = [...slots, { meta, loaded: null, usedAt: 0 }].sort((a, b) => a.meta.maxTime - b.meta.maxTime)
  }

  const names = files.list(directory)
  const ids = new Set(names.map((name) => /^([0-9A-Z]{26})\.(?:json|index|chunks)$/.exec(name)?.[1] ?? ''))
  const found: BlockMeta[] = []
  for (const name of names) if (name.includes('.json.tmp-')) tryTo(() => files.remove(`${directory}/${name}`))
  for (const id of ids) {
    if (id === '') continue
    const path = blockPaths(directory, id).meta
    try {
      if (!files.exists(path))
        removeFiles(id) // a writer that did not come to its end
      else {
        const meta = decodeMeta(files.readFile(path))
        const words = meta === null || meta.id !== id ? 'meta: it is damaged' : fault(meta)
        if (words === null) found.push(meta!)
        else setAside(id, words)
      }
    } catch (error) {
      setAside(id, errorText(error))
    }
  }
  const replaced = new Set(found.flatMap((meta) => meta.parents))
  for (const meta of found) {
    if (replaced.has(meta.id)) tryTo(() => removeFiles(meta.id))
    else insert(meta)
  }

  const folder: BlockFolder = {
    damage,
    get metas() {
      return slots.map((slot) => slot.meta)
    },
    get until() {
      return slots.at(-1)?.meta.maxTime ?? Number.NEGATIVE_INFINITY
    },
    queriers: (from, to) =>
      slots.filter(({ meta }) => meta.maxTime > from && meta.minTime < to).flatMap((slot) => load(slot) ?? []),
    querier(id) {
      const slot = slots.find((one) => one.meta.id === id)
      return slot === undefined ? null : load(slot)
    },
    add(meta) {
      for (const parent of meta.parents) folder.forget(parent)
      insert(meta)
    },
    forget(id) {
      const slot = slots.find((one) => one.meta.id === id)
      if (slot === undefined) return
      slots = slots.filter((one) => one !== slot)
      release(slot)
    },
    discard: (id) => tryTo(() => removeFiles(id)),
    lost: (ids, chunks) => lost(ids.join(', '), chunks),
    unload(before) {
      for (const slot of slots) if (slot.usedAt < before) release(slot)
    },
    get damagedChunks() {
      return damagedChunks
    },
    get bytes() {
      return slots.reduce((sum, { meta }) => sum + meta.chunkBytes + meta.indexBytes, 0)
    },
    close() {
      for (const slot of slots) release(slot)
    },
  }
  return folder
}

/** Reads the index; throws where it is damaged. The caller closes the file. */
export function openBlock(
  files: FileLayer,
  directory: string,
  meta: BlockMeta,
  pages: BlockPages,
  onDamage: () => void,
): { readonly querier: BlockQuerier; readonly file: FileHandle } {
  const paths = blockPaths(directory, meta.id)
  const index = decodeIndex(files.readFile(paths.index))
  if (typeof index === 'string') throw new Error(`index: ${index}`)
  const file = files.open(paths.chunks, 'read')
  return { querier: blockQuerier({ meta, index, file, pages, onDamage }), file }
}
