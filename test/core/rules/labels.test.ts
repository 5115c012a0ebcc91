// Identity of a label set.

import { describe, expect, it } from 'vitest'
import { fingerprint, labelKey, toLabels, toRecord } from '../../../core/rules/labels.ts'

/** FNV-1a as its authors define it, in whole numbers of 64 bits. */
function plain(record: Readonly<Record<string, string>>): string {
  let hash = 0xcbf29ce484222325n
  const bytes = toLabels(record).flatMap(([name, value]) => [
    ...new TextEncoder().encode(name),
    0xff,
    ...new TextEncoder().encode(value),
    0xff,
  ])
  for (const byte of bytes) hash = ((hash ^ BigInt(byte)) * 0x100000001b3n) & 0xffffffffffffffffn
  return hash.toString(16).padStart(16, '0')
}

describe('a label set', () => {
  it('has the fingerprint of its names and values, and nothing else', () => {
    expect(fingerprint({})).toBe('cbf29ce484222325')
    for (let n = 0; n < 500; n++) {
      const record = { alertname: `Alert ${n}`, host: `h${n * 7919}`, gpu: String(n % 8), 温度: '高'.repeat(n % 5) }
      expect(fingerprint(record)).toBe(plain(record))
    }
    expect(fingerprint({ b: '2', a: '1' })).toBe(fingerprint({ a: '1', b: '2', c: '' }))
    expect(fingerprint({ a: '12' })).not.toBe(fingerprint({ a: '1', '2': '' }))
  })

  it('has a key that tells sets apart and ignores order and empty labels', () => {
    expect(labelKey({ b: '2', a: '1', c: '' })).toBe(labelKey({ a: '1', b: '2' }))
    expect(labelKey({ a: '1b' })).not.toBe(labelKey({ a1: 'b' }))
  })

  it('keeps a label called like a property of every object', () => {
    const record = toRecord([['__proto__', 'x']])
    expect(toLabels(record)).toEqual([['__proto__', 'x']])
    expect(record.constructor).toBeUndefined()
  })
})
