// The fleet that the store's benches measure with, the same on every run: hosts of eight GPUs and six models, 400 series each, sampled every 15 s.
// Gauges swing about a mean, counters rise at a steady rate, and two in a hundred of the things that can break are broken.

import type { Labels } from '../core/series/seam.ts'

export type WorkloadSeries = {
  readonly labels: Labels
  /** Value of the sample with this number. */
  value(step: number): number
}

export const sampleEveryMs = 15_000
const swing = Float64Array.from({ length: 256 }, (_, i) => Math.sin((2 * Math.PI * i) / 256))
const bounds = '0.001 0.0025 0.005 0.01 0.025 0.05 0.1 0.25 0.5 1 2.5 5 10 +Inf'.split(' ')
/** Of the requests of a model, how many took at most each bound. */
const quickShares = [0.02, 0.1, 0.4, 0.75, 0.96, 0.998, 1, 1, 1, 1, 1, 1, 1, 1]
const slowShares = [0, 0.02, 0.1, 0.3, 0.5, 0.7, 0.85, 0.95, 0.985, 0.999, 1, 1, 1, 1]
const models = ['chat-8b', 'chat-70b', 'code-34b', 'embed-1b', 'rerank-1b', 'vision-11b'] as const

/** 400 series for each host. */
export function workload(hosts: number, seed = 12_345): readonly WorkloadSeries[] {
  let state = seed >>> 0
  const random = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
  const broken = (): boolean => random() < 0.02
  const out: WorkloadSeries[] = []
  for (let host = 0; host < hosts; host++) {
    const where = {
      instance: `gpu-${String(host).padStart(4, '0')}:9400`,
      job: 'node',
      cluster: `c${host % 5}`,
      rack: `r${host % 25}`,
    }
    const add = (name: string, labels: Readonly<Record<string, string>>, value: WorkloadSeries['value']): void => {
      const all: [string, string][] = Object.entries({ ...where, ...labels, __name__: name })
      out.push({ labels: all.sort((a, b) => (a[0] < b[0] ? -1 : 1)), value })
    }
    /** `digits`: what the sensor can tell apart. */
    const gauge = (
      name: string,
      labels: Readonly<Record<string, string>>,
      mean: number,
      amplitude: number,
      digits: number,
    ): void => {
      const phase = Math.floor(random() * 256)
      const scale = 10 ** digits
      add(name, labels, (step) => Math.round((mean + amplitude * swing[(phase + 7 * step) % 256]!) * scale) / scale)
    }
    const counter = (name: string, labels: Readonly<Record<string, string>>, perStep: number, digits = 0): void => {
      const base = Math.floor(random() * 1e6)
      const scale = 10 ** digits
      add(name, labels, (step) => Math.round((base + perStep * step) * scale) / scale)
    }
    for (let gpu = 0; gpu < 8; gpu++) {
      const device = { gpu: String(gpu), uuid: `GPU-${host.toString(16).padStart(8, '0')}-${gpu}` }
      const [hot, full, fragmented] = [broken(), broken(), broken()]
      gauge('gpu_utilization_ratio', device, hot ? 0.95 : 0.6, hot ? 0.02 : 0.2, 2)
      gauge('gpu_memory_used_bytes', device, (full ? 78 : 52) * 2 ** 30, 2 ** 29, 0)
      gauge('gpu_memory_total_bytes', device, 80 * 2 ** 30, 0, 0)
      gauge('gpu_memory_fragmentation_ratio', device, fragmented ? 0.4 : 0.12, 0.05, 3)
      gauge('gpu_temperature_celsius', device, hot ? 86 : 61, 4, 0)
      gauge('gpu_power_watts', device, hot ? 560 : 480, hot ? 120 : 60, 1)
      gauge('gpu_power_limit_watts', device, 700, 0, 0)
      gauge('gpu_sm_clock_mhz', device, 1800, 60, 0)
      gauge('gpu_memory_clock_mhz', device, 2600, 0, 0)
      gauge('gpu_fan_ratio', device, 0.5, 0.1, 2)
      for (const kind of ['sbe', 'dbe'])
        counter('gpu_ecc_errors_total', { ...device, kind }, kind === 'sbe' && hot ? 0.5 : 0)
      counter('gpu_xid_errors_total', device, hot && gpu === 3 ? 0.25 : 0)
      counter('gpu_energy_joules_total', device, 7200 + 100 * random(), 1)
      for (const direction of ['tx', 'rx']) {
        counter('gpu_pcie_bytes_total', { ...device, direction }, Math.floor(2e9 * (1 + random())))
        for (let link = 0; link < 4; link++) {
          const slow = link === 2 && fragmented && hot
          counter(
            'gpu_nvlink_bytes_total',
            { ...device, direction, link: String(link) },
            Math.floor((slow ? 1e9 : 9e9) * (1 + 0.1 * random())),
          )
        }
      }
      for (const reason of ['thermal', 'power', 'sync', 'hw'])
        counter('gpu_throttle_seconds_total', { ...device, reason }, hot && reason === 'thermal' ? 1.5 : 0, 1)
      for (const result of ['ok', 'fail'])
        counter('gpu_allocations_total', { ...device, result }, result === 'ok' ? 800 : full ? 1 : 0)
    }
    for (const model of models) {
      const [slow, bad] = [broken(), broken()]
      const rate = 150 + Math.floor(300 * random())
      const shares = slow ? slowShares : quickShares
      for (const [index, le] of bounds.entries())
        counter('inference_latency_seconds_bucket', { model, le }, rate * 2 * shares[index]!, 2)
      counter('inference_latency_seconds_sum', { model }, rate * (slow ? 0.2 : 0.02), 3)
      counter('inference_latency_seconds_count', { model }, rate * 2)
      for (const code of ['200', '400', '429', '500', '503']) {
        const share = code === '200' ? 1 : code === '500' && bad ? 0.05 : 0.0005
        counter('inference_requests_total', { model, code }, rate * 2 * share)
      }
    }
    const fullDisk = broken()
    gauge('node_memory_total_bytes', {}, 2 ** 41, 0, 0)
    gauge('node_memory_available_bytes', {}, 2 ** 40, 2 ** 34, 0)
    gauge('node_load1', {}, 40, 20, 2)
    for (let cpu = 0; cpu < 2; cpu++) {
      for (const mode of ['idle', 'user', 'system', 'iowait'])
        counter('node_cpu_seconds_total', { cpu: String(cpu), mode }, mode === 'idle' ? 6 : 3, 2)
    }
    for (const device of ['nvme0', 'nvme1', 'nvme2', 'nvme3']) {
      gauge('node_disk_free_bytes', { device }, (fullDisk && device === 'nvme0' ? 0.2 : 2) * 2 ** 40, 2 ** 34, 0)
      gauge('node_disk_size_bytes', { device }, 2 ** 42, 0, 0)
      counter('node_disk_read_bytes_total', { device }, 1e8)
      counter('node_disk_written_bytes_total', { device }, 2e8)
    }
    for (const direction of ['rx', 'tx']) {
      counter('node_network_bytes_total', { direction }, 4e9)
      counter('node_network_drops_total', { direction }, 0)
    }
    gauge('up', {}, 1, 0, 0)
    gauge('node_boot_time_seconds', {}, 1.79e9, 0, 0)
    gauge('node_open_files', {}, 40_000, 4000, 0)
  }
  return out
}

export type WorkloadRule = { readonly name: string; readonly expr: string; readonly for: string }

const rule = (name: string, expr: string, hold = '0s'): WorkloadRule => ({ name, expr, for: hold })
const p99 = (by: string): string =>
  `histogram_quantile(0.99, sum by (le, ${by}) (rate(inference_latency_seconds_bucket[5m])))`

/** Twenty rules as an operator of such a fleet writes them. */
export const workloadRules: readonly WorkloadRule[] = [
  rule('GpuBusy', 'gpu_utilization_ratio > 0.90', '5m'),
  rule('GpuBusyOnAverage', 'avg_over_time(gpu_utilization_ratio[5m]) > 0.90'),
  rule('GpuMemoryFull', 'gpu_memory_used_bytes / gpu_memory_total_bytes > 0.90'),
  rule('GpuMemoryFragmented', 'gpu_memory_fragmentation_ratio > 0.30'),
  rule('SlowHost', `${p99('instance')} > 0.05`, '1m'),
  rule('SlowModel', `${p99('instance, model')} > 0.05`, '1m'),
  rule(
    'ServerErrors',
    'sum by (instance, model) (rate(inference_requests_total{code=~"5.."}[5m])) / sum by (instance, model) (rate(inference_requests_total[5m])) > 0.01',
  ),
  rule('Xid', 'increase(gpu_xid_errors_total[5m]) > 0'),
  rule('EccErrors', 'sum by (instance, gpu) (increase(gpu_ecc_errors_total[10m])) > 2'),
  rule('GpuHot', 'max_over_time(gpu_temperature_celsius[2m]) > 85'),
  rule('ThermalThrottle', 'rate(gpu_throttle_seconds_total{reason="thermal"}[5m]) > 0.05'),
  rule('AllocationFailures', 'sum by (instance, gpu) (rate(gpu_allocations_total{result="fail"}[5m])) > 0'),
  rule(
    'IdleGpu',
    'gpu_utilization_ratio < 0.402 and on (cluster) sum by (cluster) (rate(inference_requests_total[5m])) > 10',
  ),
  rule(
    'NvlinkUneven',
    'max by (instance, gpu) (rate(gpu_nvlink_bytes_total[5m])) / avg by (instance, gpu) (rate(gpu_nvlink_bytes_total[5m])) > 1.11',
  ),
  rule('HostBusy', '1 - avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[5m])) > 0.70'),
  rule('DiskFull', 'node_disk_free_bytes / node_disk_size_bytes < 0.10'),
  rule('MemoryWillFill', 'predict_linear(gpu_memory_used_bytes[15m], 3600) > 8.5e10'),
  rule('GpusBusyOnHost', 'quantile by (instance) (0.9, gpu_utilization_ratio) > 0.85'),
  rule('FleetPower', 'sum by (cluster) (gpu_power_watts) > 1e9'),
  rule('PowerUnsteady', 'stddev_over_time(gpu_power_watts[10m]) > 60'),
]
