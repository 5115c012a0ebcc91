// The host as /proc and the file system show it: CPU, memory, disk, network, load. What cannot be read is left out, never zero.

import { readFileSync, statfsSync } from 'node:fs'
import { type SeriesSamples, sample } from '../../core/sample/sample.ts'

export type HostCollector = { collect(now: number): readonly SeriesSamples[] }

const read = (path: string): string | null => {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return null // no /proc on this system
  }
}

export function hostCollector(options: {
  readonly host: string
  readonly dataDirectory: string
  /** Where the kernel shows itself; another place in tests. */
  readonly proc?: string
}): HostCollector {
  const proc = options.proc ?? '/proc'
  const labels = { host: options.host }
  let lastCpu: { readonly busy: number; readonly total: number } | null = null

  const cpu = (now: number): SeriesSamples[] => {
    const fields = read(`${proc}/stat`)?.split('\n', 1)[0]?.trim().split(/\s+/).slice(1, 9).map(Number)
    if (fields === undefined || fields.length < 8 || fields.some(Number.isNaN)) return []
    const total = fields.reduce((sum, field) => sum + field, 0)
    const busy = total - fields[3]! - fields[4]! // idle and iowait
    const before = lastCpu
    lastCpu = { busy, total }
    if (before === null || total <= before.total) return []
    return [sample('inferward_host_cpu_busy_ratio', labels, now, (busy - before.busy) / (total - before.total))]
  }

  const memory = (now: number): SeriesSamples[] => {
    const text = read(`${proc}/meminfo`) ?? ''
    const kib = (key: string): number => Number(new RegExp(`^${key}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? Number.NaN)
    return [
      ['inferward_host_memory_total_bytes', kib('MemTotal')] as const,
      ['inferward_host_memory_available_bytes', kib('MemAvailable')] as const,
    ].flatMap(([name, value]) => (Number.isNaN(value) ? [] : [sample(name, labels, now, value * 1024)]))
  }

  const disk = (now: number): SeriesSamples[] => {
    try {
      const status = statfsSync(options.dataDirectory)
      return [
        sample('inferward_host_disk_total_bytes', labels, now, status.blocks * status.bsize),
        sample('inferward_host_disk_free_bytes', labels, now, status.bavail * status.bsize),
      ]
    } catch {
      return [] // the folder is gone; the spool says so louder
    }
  }

  const network = (now: number): SeriesSamples[] =>
    (read(`${proc}/net/dev`) ?? '').split('\n').flatMap((line) => {
      const match = /^\s*([^:\s]+):\s*(.+)$/.exec(line)
      if (match === null || match[1] === 'lo') return []
      const fields = match[2]!.trim().split(/\s+/).map(Number)
      if (!Number.isFinite(fields[0]) || !Number.isFinite(fields[8])) return []
      const device = { ...labels, device: match[1]! }
      return [
        sample('inferward_host_network_receive_bytes_total', device, now, fields[0]!),
        sample('inferward_host_network_transmit_bytes_total', device, now, fields[8]!),
      ]
    })

  const load = (now: number): SeriesSamples[] => {
    // An empty text is no number, and must not become zero.
    const value = Number(read(`${proc}/loadavg`)?.split(' ')[0]?.trim() || Number.NaN)
    return Number.isNaN(value) ? [] : [sample('inferward_host_load1', labels, now, value)]
  }

  return { collect: (now) => [...cpu(now), ...memory(now), ...disk(now), ...network(now), ...load(now)] }
}
