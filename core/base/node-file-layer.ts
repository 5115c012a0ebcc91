// FileLayer over node:fs. The only file of `core` that reaches the file system.

import * as fs from 'node:fs'
import * as path from 'node:path'
import type { FileHandle, FileLayer } from './file-layer.ts'

export const nodeFileLayer: FileLayer = {
  open: (file, mode) => openHandle(file, mode),
  exists: (file) => fs.existsSync(file),
  readFile: (file) => fs.readFileSync(file),
  writeAtomic(file, bytes, mode = 0o600) {
    const temporary = `${file}.tmp-${process.pid}`
    const descriptor = fs.openSync(temporary, 'w', mode)
    try {
      writeAll(descriptor, bytes, null)
      fs.fsyncSync(descriptor)
    } catch (error) {
      fs.closeSync(descriptor)
      fs.rmSync(temporary, { force: true })
      throw error
    }
    fs.closeSync(descriptor)
    try {
      fs.renameSync(temporary, file)
    } catch (error) {
      fs.rmSync(temporary, { force: true })
      throw error
    }
    syncDirectory(path.dirname(file))
  },
  rename: (from, to) => fs.renameSync(from, to),
  remove: (file) => fs.rmSync(file, { force: true }),
  list: (directory) => fs.readdirSync(directory).sort(),
  makeDirectory,
  syncDirectory,
}

/** Parents first, one by one: the recursive call of Node never returns on file systems that refuse with ENOENT, such as /proc. */
function makeDirectory(directory: string, mode = 0o700): void {
  const missing: string[] = []
  for (let at = path.resolve(directory); !fs.existsSync(at); at = path.dirname(at)) missing.push(at)
  for (const folder of missing.reverse()) {
    try {
      fs.mkdirSync(folder, mode)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
  }
}

function openHandle(file: string, mode: 'append' | 'read'): FileHandle {
  const descriptor = fs.openSync(file, mode === 'read' ? 'r' : fs.constants.O_RDWR | fs.constants.O_CREAT, 0o600)
  let end = fs.fstatSync(descriptor).size
  return {
    append(bytes) {
      writeAll(descriptor, bytes, end)
      end += bytes.length
    },
    sync: () => fs.fdatasyncSync(descriptor),
    syncAsync: () =>
      new Promise((resolve, reject) => fs.fdatasync(descriptor, (error) => (error ? reject(error) : resolve()))),
    truncate(bytes) {
      fs.ftruncateSync(descriptor, bytes)
      end = bytes
    },
    read(offset, length) {
      const buffer = new Uint8Array(length)
      let filled = 0
      while (filled < length) {
        const count = fs.readSync(descriptor, buffer, filled, length - filled, offset + filled)
        if (count === 0) break
        filled += count
      }
      return buffer.subarray(0, filled)
    },
    size: () => fs.fstatSync(descriptor).size,
    close: () => fs.closeSync(descriptor),
  }
}

function writeAll(descriptor: number, bytes: Uint8Array, position: number | null): void {
  let written = 0
  while (written < bytes.length) {
    const at = position === null ? null : position + written
    written += fs.writeSync(descriptor, bytes, written, bytes.length - written, at)
  }
}

function syncDirectory(directory: string): void {
  const descriptor = fs.openSync(directory, 'r')
  try {
    fs.fsyncSync(descriptor)
  } finally {
    fs.closeSync(descriptor)
  }
}
