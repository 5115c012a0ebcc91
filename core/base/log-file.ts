// The bound of a log file that a child writes through a descriptor of its own: it cannot be renamed away under the child, so its end is copied
// to `FILE.1` and the file is cut to nothing. The child must have it open for appending. What it writes between copy and cut is lost.

import type { FileHandle, FileLayer } from './file-layer.ts'

export const maxLogBytes = 16 << 20
const pieceBytes = 1 << 20

/** True when the file was cut: offsets into it that were noted before mean nothing any more. Never throws: a log ends no program. */
export function boundLogFile(files: FileLayer, file: string, maxBytes: number = maxLogBytes): boolean {
  let log: FileHandle
  try {
    if (!files.exists(file)) return false
    log = files.open(file, 'append')
  } catch {
    return false
  }
  try {
    if (log.size() <= maxBytes) return false
    try {
      copyEnd(files, log, `${file}.1`, maxBytes)
    } catch {
      // No room for the copy: the bound matters more, and a log may be what filled the disk.
    }
    log.truncate(0)
    return true
  } catch {
    return false
  } finally {
    log.close()
  }
}

/** The older copy goes first, so that its room serves the new one. */
function copyEnd(files: FileLayer, from: FileHandle, to: string, bytes: number): void {
  files.remove(to)
  const copy = files.open(to, 'append')
  try {
    let at = from.size() - bytes
    // And a little of what comes meanwhile: this must not become a race.
    const until = at + bytes + pieceBytes
    while (at < until) {
      const piece = from.read(at, Math.min(pieceBytes, until - at))
      if (piece.length === 0) return
      copy.append(piece)
      at += piece.length
    }
  } finally {
    copy.close()
  }
}
