// Labels as rules handle them: plain records inside, sorted pairs at the edge. The fingerprint is the identity of an alert; it depends on
// the label set alone, never on time or on the rule's text.

import type { Labels } from '../series/seam.ts'

export type LabelRecord = Readonly<Record<string, string>>

export function toRecord(labels: Labels): Record<string, string> {
  // No prototype: a label may be called `__proto__`.
  const record: Record<string, string> = Object.create(null)
  for (const [name, value] of labels) record[name] = value
  return record
}

/** Sorted by name as bytes order them; empty values are no labels. */
export function toLabels(record: LabelRecord): Labels {
  const pairs: [string, string][] = []
  for (const name in record) {
    const value = record[name]
    if (value !== undefined && value !== '') pairs.push([name, value])
  }
  return pairs.sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0))
}

const encoder = new TextEncoder()

/** FNV-1a, 64 bits, of names and values with 0xFF after each, as 16 hexadecimal digits (the form Alertmanager shows). */
export function fingerprint(record: LabelRecord): string {
  // Two halves of 32 bits, since whole numbers of 64 bits are slow. The prime is 2^40 + 0x1b3.
  let high = 0xcbf29ce4
  let low = 0x84222325
  const mix = (byte: number): void => {
    const mixed = (low ^ byte) >>> 0
    const product = mixed * 0x1b3
    low = product >>> 0
    high = (high * 0x1b3 + Math.floor(product / 0x1_0000_0000) + ((mixed << 8) >>> 0)) >>> 0
  }
  for (const [name, value] of toLabels(record)) {
    for (const byte of encoder.encode(name)) mix(byte)
    mix(0xff)
    for (const byte of encoder.encode(value)) mix(byte)
    mix(0xff)
  }
  const hex = (half: number): string => half.toString(16).padStart(8, '0')
  return hex(high) + hex(low)
}

/** A key for maps; unlike the fingerprint it cannot collide. */
export function labelKey(record: LabelRecord): string {
  let key = ''
  for (const name of Object.keys(record).sort()) {
    const value = record[name]
    if (value !== '') key += `${name}\u0000${value}\u0001`
  }
  return key
}
