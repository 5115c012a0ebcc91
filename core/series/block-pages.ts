// Bytes of chunk files, read in pages and kept in a cache of bounded size that all blocks share: series that are asked for one after another lie one
// after another.

import type { FileHandle } from '../base/file-layer.ts'

const pageBytes = 64 << 10

export type BlockPages = {
  /** `length` bytes from `offset` on; fewer where the file ends. Valid until the next call. */
  read(file: FileHandle, offset: number, length: number): Uint8Array
  /** Lets go of the pages of a file that is closed. */
  forget(file: FileHandle): void
  readonly bytes: number
}

export function openBlockPages(maxBytes: number): BlockPages {
  /** Oldest use first. */
  const pages = new Map<string, Uint8Array>()
  const numbers = new Map<FileHandle, number>()
  let next = 0
  let bytes = 0

  const page = (file: FileHandle, index: number): Uint8Array => {
    let number = numbers.get(file)
    if (number === undefined) {
      number = next++
      numbers.set(file, number)
    }
    const key = `${number}/${index}`
    let found = pages.get(key)
    if (found !== undefined) pages.delete(key)
    else {
      found = file.read(index * pageBytes, pageBytes)
      bytes += found.length
    }
    pages.set(key, found)
    for (const [old, held] of pages) {
      if (bytes <= maxBytes || old === key) break
      pages.delete(old)
      bytes -= held.length
    }
    return found
  }

  return {
    read(file, offset, length) {
      const index = Math.floor(offset / pageBytes)
      const from = offset - index * pageBytes
      if (from + length <= pageBytes) return page(file, index).subarray(from, from + length)
      const out = new Uint8Array(length)
      let filled = 0
      for (let at = index, skip = from; filled < length; at++, skip = 0) {
        const part = page(file, at).subarray(skip, skip + length - filled)
        if (part.length === 0) break
        out.set(part, filled)
        filled += part.length
      }
      return out.subarray(0, filled)
    },
    forget(file) {
      const number = numbers.get(file)
      if (number === undefined) return
      numbers.delete(file)
      for (const [key, held] of pages) {
        if (!key.startsWith(`${number}/`)) continue
        pages.delete(key)
        bytes -= held.length
      }
    },
    get bytes() {
      return bytes
    },
  }
}
