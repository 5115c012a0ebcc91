// The processes below one process, from /proc: who they are, what memory they hold, and how to end those that outlive their time.
// Invariant: a process is known by pid and start time, so that a reused pid is never taken for it.

import { readdirSync, readFileSync } from 'node:fs'

export type Process = {
  readonly pid: number
  readonly parent: number
  readonly startTime: string
  readonly command: string
}

export type Memory = {
  /** Proportional set size: shared pages divided by those who share them; null where the kernel does not tell. */
  readonly pssBytes: number | null
  readonly rssBytes: number
}

function read(pid: number): Process | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name may hold spaces and parentheses: fields are counted from behind its last one.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    if (fields[0] === 'Z') return null
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()
    return { pid, parent: Number(fields[1]), startTime: fields[19] ?? '', command }
  } catch {
    return null // ended meanwhile
  }
}

/** The process itself and all below it. */
export function treeOf(root: number): readonly Process[] {
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => read(Number(name)) ?? [])
  const wanted = new Set([root])
  for (let grown = true; grown; ) {
    const before = wanted.size
    for (const one of all) if (wanted.has(one.parent)) wanted.add(one.pid)
    grown = wanted.size > before
  }
  return all.filter((one) => wanted.has(one.pid))
}

export const isAlive = (one: Process): boolean => read(one.pid)?.startTime === one.startTime

export function memoryOf(pid: number): Memory | null {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    return { pssBytes: pssOf(pid), rssBytes: kilobytes(status, 'VmRSS') ?? 0 }
  } catch {
    return null // ended meanwhile
  }
}

function pssOf(pid: number): number | null {
  try {
    return kilobytes(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'), 'Pss')
  } catch {
    return null // another user's process, or an old kernel
  }
}

function kilobytes(text: string, field: string): number | null {
  const found = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(text)
  return found === null ? null : Number(found[1]) * 1024
}

/** Ends what still runs, by force; answers who that was. */
export function endAll(processes: Iterable<Process>): readonly Process[] {
  return [...processes].filter((one) => {
    if (!isAlive(one)) return false
    try {
      process.kill(one.pid, 'SIGKILL')
      return true
    } catch {
      return false // ended in between
    }
  })
}
