// Remote-write bodies of the workload, as a sender would make them: label bytes of a series are made once, so that the generator costs little beside
// what it measures.

import { compress } from 'snappyjs'
import type { WorkloadSeries } from './workload.ts'

export const seriesPerBody = 2000

export type Load = {
  /** One sample of every series. `time` in milliseconds. */
  bodies(step: number, time: number): readonly Uint8Array[]
}

export function openLoad(series: readonly WorkloadSeries[]): Load {
  const labels = series.map((one) => labelBytes(one.labels))
  const scratch = Buffer.alloc(seriesPerBody * (Math.max(...labels.map((one) => one.length)) + 40))
  return {
    bodies(step, time) {
      const out: Uint8Array[] = []
      for (let from = 0; from < series.length; from += seriesPerBody) {
        let at = 0
        for (let i = from; i < Math.min(series.length, from + seriesPerBody); i++) {
          const sampleLength = 9 + 1 + varintLength(time)
          scratch[at++] = 0x0a
          at = varint(scratch, at, labels[i]!.length + 2 + sampleLength)
          at += labels[i]!.copy(scratch, at)
          scratch[at++] = 0x12
          scratch[at++] = sampleLength
          scratch[at++] = 0x09
          at = scratch.writeDoubleLE(series[i]!.value(step), at)
          scratch[at++] = 0x10
          at = varint(scratch, at, time)
        }
        out.push(compress(new Uint8Array(scratch.subarray(0, at))))
      }
      return out
    },
  }
}

function labelBytes(labels: WorkloadSeries['labels']): Buffer {
  return Buffer.concat(
    labels.map(([name, value]) => {
      const [a, b] = [field(1, Buffer.from(name)), field(2, Buffer.from(value))]
      return field(1, Buffer.concat([a, b]))
    }),
  )
}

function field(number: number, bytes: Buffer): Buffer {
  const head = Buffer.alloc(6)
  head[0] = number * 8 + 2
  return Buffer.concat([head.subarray(0, varint(head, 1, bytes.length)), bytes])
}

function varint(out: Uint8Array, from: number, value: number): number {
  let at = from
  let rest = value
  for (; rest >= 0x80; rest = Math.floor(rest / 128)) out[at++] = (rest % 128) | 0x80
  out[at++] = rest
  return at
}

const varintLength = (value: number): number => Math.max(1, Math.ceil(Math.log2(value + 1) / 7))
