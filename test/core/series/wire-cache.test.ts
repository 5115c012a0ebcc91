import { describe, expect, it } from 'vitest'
import { openWireCache } from '../../../core/series/wire-cache.ts'
import { random } from '../../helpers/random.ts'

const bytesOf = (text: string): DataView => {
  const bytes = new TextEncoder().encode(text)
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

describe('label bytes to series', () => {
  it('agrees with a map over sets that come, go and come back under other references', () => {
    const source = random(9)
    const cache = openWireCache()
    const known = new Map<string, number>()
    const free: number[] = []
    let next = 0
    for (let turn = 0; turn < 30_000; turn++) {
      const text = `host=${source.integer(0, 60)},${'x'.repeat(source.integer(0, 9))},gpu=${source.integer(0, 40)}`
      const padded = bytesOf(`..${text}.`)
      const found = cache.find(padded, 2, padded.byteLength - 1)
      expect(found).toBe(known.get(text) ?? -1)
      if (found < 0) {
        const ref = free.pop() ?? next++
        cache.add(padded, 2, padded.byteLength - 1, ref)
        known.set(text, ref)
      } else if (source.uniform() < 0.3) {
        cache.removed(found)
        known.delete(text)
        free.push(found)
      }
    }
    expect(known.size).toBeGreaterThan(100)
  })

  it('forgets every spelling of a series that went', () => {
    const cache = openWireCache()
    const [a, b] = [bytesOf('one way'), bytesOf('another way')]
    cache.add(a, 0, a.byteLength, 7)
    cache.add(b, 0, b.byteLength, 7)
    cache.removed(7)
    expect([cache.find(a, 0, a.byteLength), cache.find(b, 0, b.byteLength)]).toEqual([-1, -1])
    cache.add(b, 0, b.byteLength, 8)
    cache.removed(7)
    expect([cache.find(a, 0, a.byteLength), cache.find(b, 0, b.byteLength)]).toEqual([-1, 8])
  })
})
