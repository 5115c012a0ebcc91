// A FileLayer over the real one that fails at the n-th call, as a full disk or a broken device would: before the call has any effect, in
// the middle of it (a short write), or after it.

import type { FileHandle, FileLayer } from '../../core/base/file-layer.ts'
import { nodeFileLayer } from '../../core/base/node-file-layer.ts'

export type Fault = {
  /** Counted from 1 over all calls that change something; null = never. */
  at: number | null
  readonly code: 'ENOSPC' | 'EIO'
  readonly when: 'before' | 'middle' | 'after'
}

export type FaultyFiles = {
  readonly files: FileLayer
  readonly calls: () => number
  readonly fault: Fault
  readonly open: () => number
}

export function faultyFiles(fault: Fault): FaultyFiles {
  let calls = 0
  let open = 0
  const fail = (): never => {
    throw Object.assign(new Error(`${fault.code}: injected`), { code: fault.code })
  }
  /** Runs `work`, or `half` of it, as the fault says. */
  const step = <T>(work: () => T, half: () => void = () => {}): T => {
    calls++
    if (calls !== fault.at) return work()
    if (fault.when === 'middle') half()
    if (fault.when === 'after') work()
    return fail()
  }
  const handleOf = (handle: FileHandle): FileHandle => {
    open++
    return {
      append: (bytes) =>
        step(
          () => handle.append(bytes),
          () => handle.append(bytes.subarray(0, bytes.length >> 1)),
        ),
      sync: () => step(() => handle.sync()),
      syncAsync: async () => step(() => handle.sync()),
      truncate: (bytes) => step(() => handle.truncate(bytes)),
      read: (offset, length) => handle.read(offset, length),
      size: () => handle.size(),
      close() {
        open--
        handle.close()
      },
    }
  }
  const files: FileLayer = {
    ...nodeFileLayer,
    open(path, mode) {
      if (mode === 'read') return nodeFileLayer.open(path, mode)
      // A failed open leaves nothing that anybody could close.
      if (++calls === fault.at) fail()
      return handleOf(nodeFileLayer.open(path, mode))
    },
    writeAtomic: (path, bytes, mode) => step(() => nodeFileLayer.writeAtomic(path, bytes, mode)),
    rename: (from, to) => step(() => nodeFileLayer.rename(from, to)),
    remove: (path) => step(() => nodeFileLayer.remove(path)),
    syncDirectory: (path) => step(() => nodeFileLayer.syncDirectory(path)),
  }
  return { files, calls: () => calls, fault, open: () => open }
}
