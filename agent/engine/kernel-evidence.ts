// Did the kernel kill it for memory? Counters of the process's own memory cgroup (v1 and v2), read while it lives and again after its death;
// and the kernel log, where we may read it.

import { closeSync, constants, openSync, readFileSync, readSync } from 'node:fs'

/** Files that count OOM kills for the cgroup of a process, with the key to look for. Empty where there are none. */
export function oomCounters(pid: number): readonly { readonly path: string; readonly key: string }[] {
  let text: string
  try {
    text = readFileSync(`/proc/${pid}/cgroup`, 'utf8')
  } catch {
    return []
  }
  const out: { path: string; key: string }[] = []
  for (const line of text.split('\n')) {
    const [, controllers, group] = line.split(':')
    if (group === undefined) continue
    if (controllers === '') out.push({ path: `/sys/fs/cgroup${group}/memory.events`, key: 'oom_kill' })
    else if (controllers?.split(',').includes('memory'))
      out.push({ path: `/sys/fs/cgroup/memory${group}/memory.oom_control`, key: 'oom_kill' })
  }
  return out
}

export function readOomCount(counters: readonly { readonly path: string; readonly key: string }[]): number {
  let total = 0
  for (const { path, key } of counters) {
    try {
      const line = readFileSync(path, 'utf8')
        .split('\n')
        .find((one) => one.startsWith(`${key} `))
      total += Number(line?.split(' ')[1] ?? 0)
    } catch {
      // The controller is not there, or the group is gone: then it says nothing.
    }
  }
  return total
}

/** The kernel's line about killing this pid for memory, or null. Reads what is in the ring now and never waits. */
export function kernelOomLine(pid: number): string | null {
  let descriptor: number
  try {
    descriptor = openSync('/dev/kmsg', constants.O_RDONLY | constants.O_NONBLOCK)
  } catch {
    return null // no right to read it, or no such device
  }
  const buffer = Buffer.alloc(8192)
  let found: string | null = null
  try {
    for (let records = 0; records < 20_000; records++) {
      const length = readSync(descriptor, buffer)
      const text = buffer.toString('utf8', 0, length)
      if (
        /out of memory|oom-kill|killed process/i.test(text) &&
        new RegExp(`\\b(?:process |pid=)${pid}\\b`, 'i').test(text)
      ) {
        found = text.split(';').at(-1)?.trim().slice(0, 300) ?? null
      }
    }
  } catch {
    // EAGAIN: the end of the ring.
  } finally {
    closeSync(descriptor)
  }
  return found
}
