// Series by the place where they stood last time: whatever order a sender takes up, a reference is given for the very same bytes only.

import { expect, it } from 'vitest'
import { openWireOrder } from '../../../core/series/wire-order.ts'
import { random } from '../../helpers/random.ts'

const bytesOf = (text: string): DataView => new DataView(new TextEncoder().encode(text).buffer)

/** Says the series in this order; how many were found by their place. */
function say(
  order: ReturnType<typeof openWireOrder>,
  table: number,
  names: readonly string[],
  refOf: (name: string) => number,
): number {
  let found = 0
  order.begin(table)
  for (const name of names) {
    const bytes = bytesOf(name)
    const ref = order.next(bytes, 0, bytes.byteLength)
    if (ref >= 0) {
      expect(ref).toBe(refOf(name))
      found++
    } else order.put(bytes, 0, bytes.byteLength, refOf(name))
  }
  return found
}

it('finds what stands where it stood, and nothing else', () => {
  const source = random(3)
  const order = openWireOrder(1 << 20)
  const refs = new Map<string, number>()
  const refOf = (name: string): number => {
    if (!refs.has(name)) refs.set(name, refs.size)
    return refs.get(name)!
  }
  let names = Array.from({ length: 200 }, (_, i) => `series-${'x'.repeat(i % 7)}${i}`)
  expect(say(order, 1, names, refOf)).toBe(0)
  expect(say(order, 1, names, refOf)).toBe(200)
  expect(say(order, 1, names.slice(0, 100), refOf)).toBe(100)
  expect(say(order, 1, names, refOf)).toBe(200)
  expect(say(order, 2, names, (name) => refOf(name) + 1000)).toBe(0)
  expect(say(order, 1, names, refOf)).toBe(200)
  for (let round = 0; round < 300; round++) {
    names = names.filter(() => source.uniform() < 0.99)
    names.splice(source.integer(0, names.length), 0, `new-${round}`)
    say(order, 1, names, refOf)
  }
  expect(say(order, 1, names, refOf)).toBe(names.length)
})

it('knows nothing any more once references mean other series, or when there is too much of it', () => {
  const order = openWireOrder(4096)
  const names = Array.from({ length: 100 }, (_, i) => `series-${i}`)
  say(order, 1, names, () => 1)
  order.forget()
  expect(say(order, 1, names, () => 2)).toBe(0)
  expect(say(order, 1, names, () => 2)).toBe(100)
  for (let table = 2; table < 50; table++) say(order, table, names, () => 2)
  expect(say(order, 1, names, () => 2)).toBe(0)
})
