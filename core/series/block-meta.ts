// What a block says of itself (docs/formats/block.md), and which blocks are to be merged or removed: plain decisions over these records.

import { crc32 } from 'node:zlib'

export type BlockMeta = {
  readonly version: 1
  readonly id: string
  /** Samples of (minTime, maxTime], milliseconds. */
  readonly minTime: number
  readonly maxTime: number
  readonly level: number
  readonly parents: readonly string[]
  readonly series: number
  readonly samples: number
  readonly chunks: number
  readonly chunkBytes: number
  readonly indexBytes: number
}

const numbers = [
  'minTime',
  'maxTime',
  'level',
  'series',
  'samples',
  'chunks',
  'chunkBytes',
  'indexBytes',
] as const satisfies readonly (keyof BlockMeta)[]

export function encodeMeta(meta: BlockMeta): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify({ meta, crc32: checkOf(meta) })}\n`)
}

/** Null for anything that is not what `encodeMeta` wrote. */
export function decodeMeta(bytes: Uint8Array): BlockMeta | null {
  try {
    const { meta, crc32: check } = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as {
      readonly meta: BlockMeta
      readonly crc32: unknown
    }
    const sound =
      check === checkOf(meta) &&
      meta.version === 1 &&
      /^[0-9A-HJKMNP-TV-Z]{26}$/.test(meta.id) &&
      numbers.every((name) => Number.isFinite(meta[name])) &&
      Array.isArray(meta.parents) &&
      meta.minTime < meta.maxTime
    return sound ? meta : null
  } catch {
    return null // no JSON, or none of ours
  }
}

const checkOf = (meta: unknown): string => crc32(JSON.stringify(meta)).toString(16).padStart(8, '0')

const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

/** 48 bits of time, then 80 of chance; sorts by time. */
export function blockId(now: number, random: (bytes: Uint8Array) => Uint8Array): string {
  let time = Math.max(0, Math.floor(now))
  let front = ''
  for (let i = 0; i < 10; i++) {
    front = alphabet[time % 32] + front
    time = Math.floor(time / 32)
  }
  return front + Array.from(random(new Uint8Array(16)), (byte) => alphabet[byte & 31]).join('')
}

/** How many times the shortest blocks each wider stretch is. */
const widths = [3, 9, 27]

/** Blocks to be merged into one, oldest first; null: nothing to do. `metas` oldest first and disjoint. */
export function planMerge(
  metas: readonly BlockMeta[],
  blockMs: number,
  retentionMs: number,
): readonly BlockMeta[] | null {
  const newest = metas.at(-1)?.maxTime ?? 0
  for (const width of widths) {
    const stretch = width * blockMs
    if (stretch > retentionMs / 10) break
    const groups = new Map<number, BlockMeta[]>()
    for (const meta of metas) {
      const index = Math.ceil(meta.maxTime / stretch)
      // Wider than the stretch, or across its borders: that one was merged already, or is of another make.
      if (meta.minTime < (index - 1) * stretch) continue
      groups.set(index, [...(groups.get(index) ?? []), meta])
    }
    for (const [index, group] of groups) if (group.length > 1 && index * stretch <= newest) return group
  }
  return null
}

/** Blocks that are too old, and the oldest ones of those that are too many; the newest always stays. */
export function planRemoval(
  metas: readonly BlockMeta[],
  newestTime: number,
  retentionMs: number,
  maxBytes: number | null,
): readonly BlockMeta[] {
  let bytes = metas.reduce((sum, meta) => sum + meta.chunkBytes + meta.indexBytes, 0)
  const out: BlockMeta[] = []
  for (const meta of metas.slice(0, -1)) {
    if (meta.maxTime > newestTime - retentionMs && (maxBytes === null || bytes <= maxBytes)) break
    bytes -= meta.chunkBytes + meta.indexBytes
    out.push(meta)
  }
  return out
}
