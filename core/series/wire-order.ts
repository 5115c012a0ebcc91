// Series of the senders that number their texts, by the order in which they said them last time: a sender goes through its series in the same order
// again and again, so that the next one is mostly where the last time's next one was. Found by comparing bytes, never by trust.

import type { SeriesRef } from './seam.ts'

export type WireOrder = {
  /** A body of this table of texts begins. */
  begin(table: number): void
  /** The next series, by its label numbers [from, to); -1: another one stood here. */
  next(bytes: DataView, from: number, to: number): SeriesRef
  /** Puts what `next` has just missed there. */
  put(bytes: DataView, from: number, to: number, ref: SeriesRef): void
  /** References mean other series now. */
  forget(): void
}

type Order = {
  bytes: DataView<ArrayBuffer>
  used: number
  ends: Uint32Array<ArrayBuffer>
  refs: Int32Array<ArrayBuffer>
  count: number
}

export function openWireOrder(mostBytes: number): WireOrder {
  let orders = new Map<number, Order>()
  let held = 0
  let order: Order | null = null
  let at = 0

  const fresh = (table: number): Order => {
    const made = { bytes: view(1 << 10), used: 0, ends: new Uint32Array(64), refs: new Int32Array(64), count: 0 }
    orders.set(table, made)
    return made
  }

  return {
    begin(table) {
      if (held > mostBytes) {
        orders = new Map()
        held = 0
      }
      order = orders.get(table) ?? fresh(table)
      at = 0
    },
    next(bytes, from, to) {
      if (order === null || at >= order.count) return -1
      const start = at === 0 ? 0 : order.ends[at - 1]!
      const length = to - from
      if (order.ends[at]! - start !== length) return -1
      const own = order.bytes
      let i = 0
      for (; i + 4 <= length; i += 4) if (own.getInt32(start + i) !== bytes.getInt32(from + i)) return -1
      for (; i < length; i++) if (own.getUint8(start + i) !== bytes.getUint8(from + i)) return -1
      return order.refs[at++]!
    },
    put(bytes, from, to, ref) {
      if (order === null) return
      // What stood behind it is learned anew.
      order.count = at
      order.used = at === 0 ? 0 : order.ends[at - 1]!
      const length = to - from
      if (order.used + length > order.bytes.byteLength) {
        const larger = view(Math.max(order.bytes.byteLength * 2, order.used + length))
        new Uint8Array(larger.buffer).set(new Uint8Array(order.bytes.buffer, 0, order.used))
        held += larger.byteLength - order.bytes.byteLength
        order.bytes = larger
      }
      if (at === order.ends.length) {
        order.ends = doubled(order.ends)
        order.refs = doubled(order.refs)
        held += 4 * order.ends.length
      }
      new Uint8Array(order.bytes.buffer).set(new Uint8Array(bytes.buffer, bytes.byteOffset + from, length), order.used)
      order.used += length
      order.ends[at] = order.used
      order.refs[at] = ref
      order.count = ++at
    },
    forget() {
      orders = new Map()
      held = 0
      order = null
    },
  }
}

const view = (length: number): DataView<ArrayBuffer> => new DataView(new ArrayBuffer(length))

function doubled<T extends Uint32Array<ArrayBuffer> | Int32Array<ArrayBuffer>>(array: T): T {
  const larger = new (array.constructor as new (length: number) => T)(array.length * 2)
  larger.set(array)
  return larger
}
