// Files of a process that can be killed inside a test: after `kill` nothing that it still does reaches the disk, as after a SIGKILL.

import type { FileHandle, FileLayer } from '../../core/base/file-layer.ts'
import { nodeFileLayer } from '../../core/base/node-file-layer.ts'

export function mortalFiles(): { readonly files: FileLayer; kill(): void } {
  let dead = false
  const guarded = <T extends object>(target: T): T =>
    new Proxy(target, {
      get(object, key) {
        const member = Reflect.get(object, key) as unknown
        if (typeof member !== 'function') return member
        return (...args: unknown[]): unknown => {
          if (dead && key !== 'close') throw new Error('this process is dead')
          const result = (member as (...all: unknown[]) => unknown).apply(object, args)
          return key === 'open' ? guarded(result as FileHandle) : result
        }
      },
    })
  return {
    files: guarded(nodeFileLayer),
    kill: () => {
      dead = true
    },
  }
}
