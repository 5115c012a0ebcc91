// From bodies as they came to requests as they go out. What becomes of the labels of a series (those of the server added, the rules applied, its lane)
// is worked out once and found again by the bytes of the labels. A lane is chosen by the labels, so that the samples of one series stay in order
// however many requests are under way.

import { errorText } from '../../core/base/errors.ts'
import { decodeLabels, decodeWriteRequest } from '../../core/sample/remote-write.ts'
import { type Labels, receivedLabels } from '../../core/sample/sample.ts'
import { WriteScanner } from '../../core/sample/write-scan.ts'
import { Write2Scanner } from '../../core/sample/write-scan-2.ts'
import { openWireCache } from '../../core/series/wire-cache.ts'
import { openRelabel } from './relabel.ts'
import type { RelabelConfig } from './relabel-config.ts'
import { type SendMessage, SendRows } from './send-rows.ts'

export type WaitingBody = { readonly kind: SendMessage; readonly body: Uint8Array }
export type Batch = { readonly body: Uint8Array<ArrayBuffer>; readonly samples: number }
export type Packed = {
  /** Requests for each lane, in the order they must be made. */
  readonly lanes: readonly (readonly Batch[])[]
  /** Bodies that could not be read, in words. */
  readonly damaged: readonly string[]
}
export type PackOptions = {
  readonly lanes: number
  readonly maxSamples: number
  readonly externalLabels: Readonly<Record<string, string>>
  readonly relabel: readonly RelabelConfig[]
}
/** Survives a structured clone, so that it may live on another thread. */
export type Packer = {
  /** The memory of the bodies may be gone afterwards. */
  pack(bodies: readonly WaitingBody[], message: SendMessage): Promise<Packed>
  stop(): Promise<void>
}

/** Of label bytes; past it everything is learned anew. */
const mostBytes = 64 << 20
const none = new Uint32Array(0)
/** In place of a lane: the rules drop the series, or its labels are none. */
const dropped = -1

type Known = { readonly lane: number; readonly labels: Uint8Array; readonly symbols: Uint32Array }

export function openPack(options: PackOptions): (bodies: readonly WaitingBody[], message: SendMessage) => Packed {
  const external = Object.entries(options.externalLabels)
  const relabel = openRelabel(options.relabel)
  const plain = new WriteScanner()
  const numbered = new Write2Scanner()
  let wire = openWireCache(mostBytes)
  let known: Known[] = []
  let texts: string[] = []
  let numbers = new Map<string, number>()
  let held = 0
  const column = { times: new Float64Array(64), values: new Float64Array(64), stale: new Uint8Array(64) }

  const forget = (): void => {
    wire = openWireCache(mostBytes)
    known = []
    texts = []
    numbers = new Map()
    held = 0
  }
  const number = (text: string): number => {
    const before = numbers.get(text)
    if (before !== undefined) return before
    numbers.set(text, texts.length)
    return texts.push(text) - 1
  }
  const learn = (sent: Labels): number => {
    const labels = outgoing(sent)
    if (labels === null) return known.push({ lane: dropped, labels: new Uint8Array(0), symbols: none }) - 1
    const bytes = labelBytes(labels)
    held += bytes.length + 8 * labels.length
    const symbols = Uint32Array.from(labels.flat(), number)
    return known.push({ lane: hashOf(labels) % options.lanes, labels: bytes, symbols }) - 1
  }
  const outgoing = (sent: Labels): Labels | null => {
    const all = new Map(sent)
    for (const [name, value] of external) if (!all.has(name)) all.set(name, value)
    if (relabel?.(all) === false) return null
    const labels = receivedLabels([...all])
    return labels === null || labels.length === 0 ? null : labels
  }

  return (bodies, message) => {
    if (held > mostBytes || wire.bytes > mostBytes) forget()
    const rows = Array.from({ length: options.lanes }, () => new SendRows(message))
    const lanes = rows.map(() => [] as Batch[])
    const damaged: string[] = []
    /** Of the series at hand; its samples are gathered until the next one. */
    let series = dropped
    let count = 0

    const flush = (): void => {
      const one = known[series]
      if (one !== undefined && one.lane !== dropped) {
        const lane = rows[one.lane]!
        for (let from = 0; from < count; ) {
          const to = Math.min(count, from + options.maxSamples - lane.length)
          lane.add(one.labels, one.symbols, texts, column, from, to)
          if (lane.length >= options.maxSamples) lanes[one.lane]!.push(lane.finish())
          from = to
        }
      }
      count = 0
      series = dropped
    }
    const begin = (view: DataView, from: number, to: number, labels: () => Labels): void => {
      flush()
      series = wire.find(view, from, to)
      if (series >= 0) return
      series = learn(labels())
      wire.add(view, from, to, series)
    }
    const sample = (time: number, value: number, stale: boolean): void => {
      if (count === column.times.length) grow()
      column.times[count] = time
      column.values[count] = value
      column.stale[count++] = stale ? 1 : 0
    }
    const takePlain = (body: Uint8Array): void => {
      const scanned = plain.scan(body, {
        series: (bytes, view, from, to) => begin(view, from, to, () => decodeLabels(bytes, from, to)),
        sample,
      })
      if (scanned === 'done') return
      decodeWriteRequest(body, {
        series: (labels) => {
          const bytes = labelBytes(labels)
          begin(new DataView(bytes.buffer), 0, bytes.length, () => labels)
        },
        sample,
      })
    }
    const takeNumbered = (body: Uint8Array): void =>
      numbered.scan(body, {
        symbols: () => {},
        series: () => {
          const labels = numbered.labels()
          if (labels === null) flush()
          else begin(labels.view, 0, labels.length, labels.decode)
        },
        sample,
        histogram: () => {},
      })

    for (const { kind, body } of bodies) {
      try {
        if (kind === 'write') takePlain(body)
        else takeNumbered(body)
      } catch (error) {
        damaged.push(errorText(error))
      }
      flush()
    }
    rows.forEach((lane, index) => {
      if (lane.length > 0) lanes[index]!.push(lane.finish())
    })
    return { lanes, damaged }
  }

  function grow(): void {
    const longer = column.times.length * 2
    for (const key of ['times', 'values', 'stale'] as const) {
      const larger = key === 'stale' ? new Uint8Array(longer) : new Float64Array(longer)
      larger.set(column[key])
      Object.assign(column, { [key]: larger })
    }
  }
}

/** On the caller's thread: for tests. */
export function inlinePacker(options: PackOptions): Packer {
  const pack = openPack(options)
  return { pack: async (bodies, message) => pack(bodies, message), stop: async () => {} }
}

const encoder = new TextEncoder()

/** As remote write 1.0 has them. */
function labelBytes(labels: Labels): Uint8Array<ArrayBuffer> {
  const out: number[] = []
  const field = (tag: number, bytes: readonly number[] | Uint8Array): number[] => {
    const front = [tag]
    let rest = bytes.length
    for (; rest >= 0x80; rest >>>= 7) front.push((rest & 0x7f) | 0x80)
    front.push(rest)
    return [...front, ...bytes]
  }
  for (const [name, value] of labels)
    out.push(...field(0x0a, [...field(0x0a, encoder.encode(name)), ...field(0x12, encoder.encode(value))]))
  return Uint8Array.from(out)
}

function hashOf(labels: Labels): number {
  let hash = 0x811c9dc5
  for (const pair of labels)
    for (const text of pair)
      for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return (hash ^ (hash >>> 15)) >>> 0
}
