import { describe, expect, it } from 'vitest'
import { decodeSamples, encodeSamples, SampleBatch } from '../../../core/series/sample-record.ts'
import type { Labels } from '../../../core/series/seam.ts'
import { random } from '../../helpers/random.ts'

type Spelled = { readonly ref: number; readonly labels: Labels }
function read(bytes: Uint8Array) {
  const spelled: Spelled[] = []
  const samples: string[] = []
  decodeSamples(bytes, {
    series: (ref, labels) => spelled.push({ ref, labels }),
    sample: (ref, time, value, stale) => samples.push(`${ref} ${time} ${Object.is(value, -0) ? '-0' : value} ${stale}`),
  })
  return { spelled, samples }
}

describe('a record of samples', () => {
  it.each([1, 2, 3])('comes back as it was, in every form (seed %i)', (seed) => {
    const source = random(seed)
    for (let round = 0; round < 200; round++) {
      const batch = new SampleBatch()
      const [inOrder, oneTime, ends] = [source.uniform() < 0.5, source.uniform() < 0.5, source.uniform() < 0.3]
      const wanted: string[] = []
      let ref = source.integer(0, 2 ** 31)
      for (let n = source.integer(0, round % 10 === 0 ? 3000 : 20); n > 0; n--) {
        ref = inOrder && source.uniform() < 0.9 ? ref + 1 : source.integer(0, 2 ** 31)
        const time = oneTime ? 1_767_225_600_000 : source.integer(-1e12, 2e12)
        const value = source.pick([0, -0, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 5e-324, source.normal()])
        const stale = ends && source.uniform() < 0.2
        batch.push(ref, time, value, stale)
        wanted.push(`${ref} ${time} ${Object.is(value, -0) ? '-0' : value} ${stale}`)
      }
      const spelled: Spelled[] = Array.from({ length: source.integer(0, 3) }, (_, i) => ({
        ref: i * 7,
        labels: [['__name__', `größe_${i}`], ...(i === 1 ? [['a', '✓'] as const] : [])],
      }))
      const bytes = encodeSamples(batch, spelled)
      expect(read(bytes)).toEqual({ spelled, samples: wanted })
      if (wanted.length === 3000) expect(bytes.length).toBeLessThan(3000 * 30)
    }
  })

  it('of a fleet’s body takes little more than its values', () => {
    const batch = new SampleBatch()
    for (let i = 0; i < 2000; i++) batch.push(500 + i, 1000, i / 3, false)
    expect(encodeSamples(batch, []).length).toBeLessThan(2000 * 8 + 50)
  })

  it('that is cut or flipped anywhere gives an error or some samples, never a read past its end', () => {
    const batch = new SampleBatch()
    for (let i = 0; i < 40; i++) batch.push(i * 2, 1000 + i, i, i % 5 === 0)
    const bytes = encodeSamples(batch, [{ ref: 3, labels: [['__name__', 'm']] }])
    for (let length = 0; length < bytes.length; length++) expect(() => read(bytes.slice(0, length))).toThrow(RangeError)
    for (let at = 0; at < bytes.length * 8; at++) {
      const hurt = bytes.slice()
      hurt[at >> 3]! ^= 1 << (at & 7)
      try {
        expect(read(hurt).samples.length).toBeLessThan(1000)
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError)
      }
    }
  })
})
