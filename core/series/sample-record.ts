// What was taken in, as the log keeps it (docs/formats/wal.md, kind 5): samples by numbers of series, which the same piece of the log has spelled
// out before. A third of the bytes of what senders send, and read back many times as fast. Invariant: decoding reads no byte past its input, and a
// number that nobody spelled out is skipped, never guessed.

import type { Labels, SeriesRef } from './seam.ts'

/** Samples in the order in which they came; grows, and is used again. */
export class SampleBatch {
  refs = new Uint32Array(1024)
  times = new Float64Array(1024)
  values = new Float64Array(1024)
  stale = new Uint8Array(1024)
  count = 0

  push(ref: SeriesRef, time: number, value: number, stale: boolean): void {
    if (this.count === this.refs.length) this.grow()
    this.refs[this.count] = ref
    this.times[this.count] = time
    this.values[this.count] = value
    this.stale[this.count++] = stale ? 1 : 0
  }
  private grow(): void {
    const { refs, times, values, stale } = this
    const length = refs.length * 2
    this.refs = new Uint32Array(length)
    this.times = new Float64Array(length)
    this.values = new Float64Array(length)
    this.stale = new Uint8Array(length)
    this.refs.set(refs)
    this.times.set(times)
    this.values.set(values)
    this.stale.set(stale)
  }
}

const listed = 0
const inRuns = 1
const eachTime = 0
const oneTime = 1
const noneStale = 0
const someStale = 1

/** The record of a batch. `spell`: series that it spells out first. */
export function encodeSamples(
  batch: SampleBatch,
  spell: readonly { readonly ref: SeriesRef; readonly labels: Labels }[],
): Uint8Array {
  const { count, refs, times, values, stale } = batch
  const spelled = spell.map(({ ref, labels }) => ({ ref, texts: labels.flat().map((text) => Buffer.from(text)) }))
  let runs = 0
  let [sameTime, anyStale] = [true, false]
  for (let i = 0; i < count; i++) {
    if (i === 0 || refs[i] !== refs[i - 1]! + 1) runs++
    if (times[i] !== times[0]) sameTime = false
    if (stale[i] === 1) anyStale = true
  }
  const byRuns = runs * 2 < count
  const spelledBytes = spelled.reduce(
    (sum, { texts }) => sum + 6 + texts.reduce((all, text) => all + 4 + text.length, 0),
    0,
  )
  const out = new Uint8Array(
    8 +
      spelledBytes +
      3 +
      (byRuns ? 4 + runs * 8 : count * 4) +
      (sameTime ? 8 : count * 8) +
      (anyStale ? count : 0) +
      count * 8,
  )
  const view = new DataView(out.buffer)
  let at = 0
  const u32 = (value: number): void => {
    view.setUint32(at, value, true)
    at += 4
  }
  u32(spelled.length)
  for (const { ref, texts } of spelled) {
    u32(ref)
    view.setUint16(at, texts.length, true)
    at += 2
    for (const text of texts) {
      u32(text.length)
      out.set(text, at)
      at += text.length
    }
  }
  u32(count)
  out[at++] = byRuns ? inRuns : listed
  out[at++] = sameTime ? oneTime : eachTime
  out[at++] = anyStale ? someStale : noneStale
  if (byRuns) {
    u32(runs)
    for (let i = 0; i < count; ) {
      const first = i++
      while (i < count && refs[i] === refs[i - 1]! + 1) i++
      u32(refs[first]!)
      u32(i - first)
    }
  } else for (let i = 0; i < count; i++) u32(refs[i]!)
  const columns = sameTime ? times.subarray(0, Math.min(1, count)) : times.subarray(0, count)
  out.set(new Uint8Array(columns.buffer, 0, columns.length * 8), at)
  at += sameTime ? 8 : count * 8
  if (anyStale) {
    out.set(stale.subarray(0, count), at)
    at += count
  }
  out.set(new Uint8Array(values.buffer, 0, count * 8), at)
  return out
}

export type SampleReader = {
  series(ref: SeriesRef, labels: Labels): void
  sample(ref: SeriesRef, time: number, value: number, stale: boolean): void
}

/** Throws a RangeError where the bytes are no record. */
export function decodeSamples(bytes: Uint8Array, reader: SampleReader): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const decoder = new TextDecoder()
  let at = 0
  const u32 = (): number => {
    at += 4
    return view.getUint32(at - 4, true)
  }
  const text = (): string => {
    const length = u32()
    if (at + length > bytes.length) throw new RangeError('a text past the end')
    at += length
    return decoder.decode(bytes.subarray(at - length, at))
  }
  for (let left = u32(); left > 0; left--) {
    const ref = u32()
    const count = view.getUint16(at, true)
    at += 2
    const labels: [string, string][] = []
    for (let i = 0; i < count; i += 2) labels.push([text(), text()])
    reader.series(ref, labels)
  }
  const count = u32()
  const [refForm, timeForm, staleForm] = [view.getUint8(at), view.getUint8(at + 1), view.getUint8(at + 2)]
  at += 3
  if (count * 8 > bytes.length) throw new RangeError('more samples than bytes')
  const refs = new Uint32Array(count)
  if (refForm === inRuns) {
    let filled = 0
    for (let runs = u32(); runs > 0; runs--) {
      const [first, length] = [u32(), u32()]
      if (filled + length > count) throw new RangeError('more series than samples')
      for (let i = 0; i < length; i++) refs[filled++] = first + i
    }
    if (filled !== count) throw new RangeError('fewer series than samples')
  } else for (let i = 0; i < count; i++) refs[i] = u32()
  const timesAt = at
  at += timeForm === oneTime ? 8 : count * 8
  const staleAt = at
  at += staleForm === someStale ? count : 0
  if (at + count * 8 !== bytes.length) throw new RangeError('a record of another length')
  for (let i = 0; i < count; i++) {
    const time = view.getFloat64(timeForm === oneTime ? timesAt : timesAt + 8 * i, true)
    const stale = staleForm === someStale && bytes[staleAt + i] === 1
    reader.sample(refs[i]!, time, view.getFloat64(at + 8 * i, true), stale)
  }
}
