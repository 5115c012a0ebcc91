// What the kernel says of a process: a pid alone is not an identity, a pid with its start time and the boot it belongs to is.

import { readFileSync } from 'node:fs'

export type ProcessView = { readonly state: string; readonly startTime: string; readonly residentBytes: number }

/** Null when there is no such process. */
export function readProcess(pid: number): ProcessView | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The command may hold spaces and parentheses: fields are counted from behind its last one.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return { state: fields[0] ?? '?', startTime: fields[19] ?? '', residentBytes: Number(fields[21] ?? 0) * 4096 }
  } catch {
    return null
  }
}

export function readBootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  } catch {
    return 'unknown'
  }
}

/** Sends a signal to a whole process group; false when nobody of ours is there. */
export function signalGroup(pid: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(-pid, signal)
    return true
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ESRCH' || code === 'EPERM') return false
    throw error
  }
}
