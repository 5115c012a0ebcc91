// Remote write 2.0 as series and back, for those who need no speed: relays and tests. Texts are numbered in the order they are met.

import { compress } from 'snappyjs'
import { Writer } from './remote-write.ts'
import type { Labels, SeriesSamples } from './sample.ts'
import { Write2Scanner } from './write-scan-2.ts'

/** Series whose labels cannot be read come without labels. Throws `remote_write.malformed`. */
export function decodeWrite2(body: Uint8Array): readonly SeriesSamples[] {
  const out: { labels: Labels; times: number[]; values: number[]; stale: boolean[] }[] = []
  const scanner = new Write2Scanner()
  scanner.scan(body, {
    symbols: () => {},
    series: () => void out.push({ labels: scanner.labels()?.decode() ?? [], times: [], values: [], stale: [] }),
    sample: (time, value, stale) => {
      const one = out.at(-1)!
      one.times.push(time)
      one.values.push(value)
      one.stale.push(stale)
    },
    histogram: () => {},
  })
  return out
}

export function encodeWrite2(series: readonly SeriesSamples[]): Uint8Array {
  const numbers = new Map<string, number>([['', 0]])
  const number = (text: string): number => {
    const known = numbers.get(text)
    if (known !== undefined) return known
    numbers.set(text, numbers.size)
    return numbers.size - 1
  }
  const [rows, row, small] = [new Writer(), new Writer(), new Writer()]
  for (const { labels, times, values, stale } of series) {
    row.reset()
    small.reset()
    for (const text of labels.flat()) small.varint(number(text))
    row.bytes(1, small.view())
    times.forEach((time, i) => {
      small.reset()
      small.double(1, values[i]!, stale?.[i] === true)
      small.varintField(2, time)
      row.bytes(2, small.view())
    })
    rows.bytes(5, row.view())
  }
  const out = new Writer()
  const text = new TextEncoder()
  for (const one of numbers.keys()) out.bytes(4, text.encode(one))
  const whole = new Uint8Array(out.view().length + rows.view().length)
  whole.set(out.view())
  whole.set(rows.view(), out.view().length)
  return compress(whole)
}
