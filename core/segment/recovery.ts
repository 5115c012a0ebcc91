// What a folder of segments holds after a crash: scans every file, cuts the torn tail of the last one, sets damaged older ones aside.
// Invariant: a healthy segment is only read.

import type { FileLayer } from '../base/file-layer.ts'
import { checkFrame, decodeHeader, headerBytes } from './frame.ts'

/** One file: frames [first, next), `bytes` of it in use. */
export type Segment = { readonly path: string; readonly first: number; next: number; bytes: number }

export type Damage = {
  readonly path: string
  readonly kind: 'torn_tail' | 'damaged' | 'foreign'
  readonly bytesCut: number
  /** Sequences that are lost, [from, to); null when nothing was. */
  readonly lost: readonly [number, number] | null
}

export function segmentName(first: number): string {
  return `${first.toString(16).padStart(16, '0')}.seg`
}

export function readSegments(
  files: FileLayer,
  directory: string,
  expectedEpoch: bigint | null,
): { segments: Segment[]; epoch: bigint | null; damage: Damage[] } {
  const names = files.list(directory).filter((name) => /^[0-9a-f]{16}\.seg$/.test(name))
  const segments: Segment[] = []
  const damage: Damage[] = []
  let epoch = expectedEpoch

  names.forEach((name, index) => {
    const path = `${directory}/${name}`
    const bytes = files.readFile(path)
    const header = decodeHeader(bytes)
    const last = index === names.length - 1
    if (header === null || segmentName(header.first) !== name) {
      // Only the last file can have been cut before its header was whole; any other is damage to be kept for a person to see.
      if (last && bytes.length < headerBytes) files.remove(path)
      else files.rename(path, `${path}.damaged`)
      damage.push({
        path,
        kind: last && bytes.length < headerBytes ? 'torn_tail' : 'damaged',
        bytesCut: bytes.length,
        lost: null,
      })
      return
    }
    epoch ??= header.epoch
    if (header.epoch !== epoch) {
      files.rename(path, `${path}.damaged`)
      damage.push({ path, kind: 'foreign', bytesCut: bytes.length, lost: null })
      return
    }
    let offset = headerBytes
    let next = header.first
    for (let length = checkFrame(bytes, offset, next); length !== null; length = checkFrame(bytes, offset, next)) {
      offset += length
      next++
    }
    if (offset < bytes.length) {
      if (last) {
        const file = files.open(path, 'append')
        try {
          file.truncate(offset)
          file.sync()
        } finally {
          file.close()
        }
        damage.push({ path, kind: 'torn_tail', bytesCut: bytes.length - offset, lost: null })
      } else {
        const following = Number.parseInt(names[index + 1]!.slice(0, 16), 16)
        files.writeAtomic(`${path}.damaged`, bytes)
        damage.push({
          path,
          kind: 'damaged',
          bytesCut: bytes.length - offset,
          lost: next < following ? [next, following] : null,
        })
      }
    }
    segments.push({ path, first: header.first, next, bytes: offset })
  })
  return { segments, epoch, damage }
}
