// Snapshots of the head on disk (docs/formats/head-snapshot.md): written in slices while samples come in, read at the start. Invariant: what is
// published was read back and checked; a damaged one is set aside by name and the one before it is taken.

import { crc32 } from 'node:zlib'
import { errorText } from '../base/errors.ts'
import type { FileHandle, FileLayer } from '../base/file-layer.ts'
import type { Head } from './head.ts'
import type { Window } from './seam.ts'
import {
  decodeSnapshotHead,
  encodeSnapshotHead,
  endOf,
  readSection,
  SectionWriter,
  type SnapshotHead,
  sectionHeadBytes,
  snapshotHeadBytes,
} from './snapshot-format.ts'

const sectionBytes = 1 << 20
const maxSectionBytes = 256 << 20
/** Series between two looks at how much was gathered. */
const stride = 256
const kept = 2

export type SnapshotDamage = { readonly path: string; readonly words: string }
export type LoadedSnapshot = SnapshotHead & { readonly series: number }
export type WrittenSnapshot = { readonly path: string; readonly series: number; readonly bytes: number }

export type Snapshots = {
  /** Puts the newest sound snapshot into an empty head; null where there is none. */
  load(head: Head): LoadedSnapshot | null
  /** Sequence of this log that the older one of the kept snapshots needs; null while fewer than two of it are there. */
  neededFrom(epoch: bigint): number | null
  /** `pause` gives everybody else a turn. Rejects when the snapshot could not be written; the ones before it stay. */
  write(head: Head, at: SnapshotHead, pause: () => Promise<void>): Promise<WrittenSnapshot>
  readonly damage: readonly SnapshotDamage[]
}

export function openSnapshots(files: FileLayer, directory: string): Snapshots {
  files.makeDirectory(directory)
  const damage: SnapshotDamage[] = []
  /** Oldest first. */
  let found: { readonly path: string; readonly ordinal: number; readonly head: SnapshotHead }[] = []
  let last = 0
  let sound = false
  for (const name of [...files.list(directory)].reverse()) {
    const path = `${directory}/${name}`
    const ordinal = Number.parseInt(name.slice(0, 8), 16)
    if (name.endsWith('.tmp')) tryTo(() => files.remove(path))
    if (/^[0-9a-f]{8}\.head(\.damaged)?$/.test(name)) last = Math.max(last, ordinal)
    if (!/^[0-9a-f]{8}\.head$/.test(name)) continue
    // Behind a sound one the older is only kept: it is checked when it is needed.
    const head = sound ? headOf(files, path) : check(files, path)
    if (typeof head !== 'string') {
      found = [{ path, ordinal, head }, ...found]
      sound = true
    } else {
      damage.push({ path, words: head })
      tryTo(() => files.rename(path, `${path}.damaged`))
    }
  }

  return {
    damage,
    neededFrom(epoch) {
      const of = found.filter((one) => one.head.epoch === epoch)
      return of.length < kept ? null : of[0]!.head.sequence
    },
    load(head) {
      const newest = found.at(-1)
      if (newest === undefined) return null
      let series = 0
      const texts: string[] = []
      for (const payload of sections(files, newest.path)) {
        readSection(payload, texts, (labels, chunks, open, count) => {
          if (head.restore(labels, chunks, open, count) === null) series++
        })
      }
      return { ...newest.head, series }
    },
    async write(head, at, pause) {
      const ordinal = last + 1
      const path = `${directory}/${ordinal.toString(16).padStart(8, '0')}.head`
      const temporary = `${path}.tmp`
      tryTo(() => files.remove(temporary))
      let written: { readonly series: number; readonly bytes: number }
      try {
        const file = files.open(temporary, 'append')
        try {
          written = await dump(head, at, file, pause)
          await file.syncAsync()
        } finally {
          file.close()
        }
        let end: number | null = null
        for (const payload of sections(files, temporary)) {
          end = endOf(payload)
          await pause()
        }
        if (end !== written.series) throw new Error('what was written is not what is read')
        files.rename(temporary, path)
        files.syncDirectory(directory)
      } catch (error) {
        tryTo(() => files.remove(temporary))
        throw error
      }
      last = ordinal
      found.push({ path, ordinal, head: at })
      for (const old of found.slice(0, -kept)) tryTo(() => files.remove(old.path))
      found = found.slice(-kept)
      return { path, ...written }
    },
  }
}

async function dump(
  head: Head,
  at: SnapshotHead,
  file: FileHandle,
  pause: () => Promise<void>,
): Promise<{ readonly series: number; readonly bytes: number }> {
  const writer = new SectionWriter()
  const open: Window = { times: new Float64Array(64), values: new Float64Array(64), stale: new Uint8Array(64) }
  let bytes = 0
  const put = (part: Uint8Array): void => {
    file.append(part)
    bytes += part.length
  }
  put(encodeSnapshotHead(at))
  for (let ref = 0; ref < head.bound; ref++) {
    if (head.has(ref)) {
      const chunks: Uint8Array[] = []
      const count = head.dump(ref, at.closed, (chunk) => chunks.push(chunk), open)
      if (count > 0 || chunks.length > 0) writer.add(head.labels(ref), chunks, open, count)
    }
    if (writer.waiting >= sectionBytes) put(writer.take())
    if (ref % stride === stride - 1) await pause()
  }
  put(writer.take())
  put(writer.end())
  return { series: writer.count, bytes }
}

/** The snapshot's head when every section is sound, else what is wrong. */
function check(files: FileLayer, path: string): SnapshotHead | string {
  try {
    let end: number | null = null
    for (const payload of sections(files, path)) end = endOf(payload)
    return end === null ? 'it has no end' : headOf(files, path)
  } catch (error) {
    return errorText(error)
  }
}

function headOf(files: FileLayer, path: string): SnapshotHead | string {
  try {
    const file = files.open(path, 'read')
    try {
      return decodeSnapshotHead(file.read(0, snapshotHeadBytes)) ?? 'its head is damaged'
    } finally {
      file.close()
    }
  } catch (error) {
    return errorText(error)
  }
}

/** Payloads one by one, each checked; throws with words at the first thing that is wrong. */
function* sections(files: FileLayer, path: string): Generator<Uint8Array> {
  const file = files.open(path, 'read')
  try {
    if (decodeSnapshotHead(file.read(0, snapshotHeadBytes)) === null) throw new Error('its head is damaged')
    const size = file.size()
    for (let at = snapshotHeadBytes; at < size; ) {
      const view = new DataView(file.read(at, sectionHeadBytes).slice().buffer)
      if (view.byteLength < sectionHeadBytes) throw new Error(`it is cut at byte ${at}`)
      const length = view.getUint32(0, true)
      if (length > maxSectionBytes || at + sectionHeadBytes + length > size) throw new Error(`it is cut at byte ${at}`)
      const payload = file.read(at + sectionHeadBytes, length)
      if (crc32(payload) !== view.getUint32(4, true)) throw new Error(`the section at byte ${at} is damaged`)
      yield payload
      at += sectionHeadBytes + length
    }
  } finally {
    file.close()
  }
}

/** For what may fail without harm: the next start does it again. */
function tryTo(work: () => void): void {
  try {
    work()
  } catch {
    // Left behind; it is not taken for anything whole.
  }
}
