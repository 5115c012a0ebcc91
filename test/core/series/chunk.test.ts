import { describe, expect, it } from 'vitest'
import { chunkRoom, decodeChunk, encodeChunk, maxChunkSamples } from '../../../core/series/chunk.ts'
import type { Window } from '../../../core/series/seam.ts'
import { type Random, random } from '../../helpers/random.ts'

const columns = (length: number): Window => ({
  times: new Float64Array(length),
  values: new Float64Array(length),
  stale: new Uint8Array(length),
})
const filled = (times: readonly number[], values: readonly number[], stale: readonly number[] = []): Window => ({
  times: Float64Array.from(times),
  values: Float64Array.from(values),
  stale: Uint8Array.from(times, (_, i) => stale[i] ?? 0),
})
const encode = (given: Window): Uint8Array => {
  const out = new Uint8Array(chunkRoom(given.times.length))
  return out.slice(0, encodeChunk(given, 0, given.times.length, out))
}
const bitsOf = (values: Float64Array): BigUint64Array => new BigUint64Array(values.slice().buffer)

/** Decodes and compares bit for bit; values of stale samples mean nothing. */
function roundTrip(given: Window): number {
  const bytes = encode(given)
  const out = columns(given.times.length)
  expect(decodeChunk(bytes, out, 0)).toBe(given.times.length)
  expect(out.times).toEqual(given.times)
  expect(out.stale).toEqual(given.stale)
  const [before, after] = [bitsOf(given.values), bitsOf(out.values)]
  given.stale.forEach((flag, i) => {
    if (flag === 0) expect(after[i], `value ${i}: ${given.values[i]} came back as ${out.values[i]}`).toBe(before[i])
  })
  return bytes.length
}

const start = 1_700_000_000_000
const every = (count: number, step = 15_000): number[] => Array.from({ length: count }, (_, i) => start + i * step)

describe('a chunk gives back what it was made of', () => {
  it.each([
    ['one sample', filled([start], [1.5])],
    ['two samples', filled([start, start + 1], [1, 2])],
    ['a constant', filled(every(32), new Array(32).fill(0.25))],
    ['a constant NaN', filled(every(4), new Array(4).fill(Number.NaN))],
    [
      'a counter',
      filled(
        every(120),
        every(120).map((_, i) => 1e9 + i * 300),
      ),
    ],
    ['a counter with a reset', filled(every(5), [100, 200, 5, 6, 7])],
    ['cents', filled(every(5), [0.01, 0.02, -0.03, 19.99, 1e6])],
    ['zeros of both signs', filled(every(4), [0, -0, 0, -0])],
    ['extremes', filled(every(6), [Number.MAX_VALUE, Number.MIN_VALUE, -Number.MAX_VALUE, Infinity, -Infinity, NaN])],
    ['integers past the safe ones', filled(every(3), [2 ** 53, 2 ** 53 + 2, 2 ** 60])],
    ['values one bit apart', filled(every(3), [1, 1 + Number.EPSILON, 1])],
    ['irregular times', filled([1, 2, 1000, 1001, 5e12], [1, 2, 3, 4, 5])],
    ['times whose differences do not fit', filled([0, 1, 9e15, 9e15 + 2], [1, 2, 3, 4])],
    ['stale marks', filled(every(9), [7, 7, 1, 2, 0, 3, 3, 3, 0], [0, 0, 1, 0, 0, 1, 0, 0, 1])],
    ['nothing but stale marks', filled(every(3), [0, 0, 0], [1, 1, 1])],
    [
      'the most samples',
      filled(
        every(maxChunkSamples),
        every(maxChunkSamples).map((_, i) => Math.sin(i)),
      ),
    ],
  ])('%s', (_title, given) => {
    roundTrip(given)
  })

  it('holds for random columns of every kind', () => {
    const seed = Number(process.env.SEED ?? 20_261_124)
    const source = random(seed)
    for (let turn = 0; turn < 3000; turn++) {
      const given = randomColumns(source)
      try {
        roundTrip(given)
      } catch (error) {
        throw new Error(`seed ${seed}, turn ${turn}`, { cause: error })
      }
    }
  })
})

function randomColumns(source: Random): Window {
  const below = (limit: number): number => source.integer(0, limit - 1)
  const count = 1 + below(below(8) === 0 ? maxChunkSamples : 40)
  const jitter = [0, 0, 3, 4000, 2 ** 40][below(5)]!
  let time = start + below(1e6)
  const times = Array.from({ length: count }, () => {
    time += 1 + below(20_000) * below(2) + Math.floor(source.uniform() * jitter)
    return time
  })
  const kind = below(6)
  let level = Math.floor(source.normal() * 1e6)
  const values = times.map((_, i) => {
    if (kind === 1) level += below(1000)
    if (kind < 2) return level
    if (kind === 2) return Math.round(source.normal() * 1e4) / 1e3
    if (kind === 3) return source.normal() * 10 ** (below(40) - 20)
    if (kind === 4) return 50 + 40 * Math.sin(i / 7)
    return [0, -0, 1, Number.NaN, Number.POSITIVE_INFINITY, 1e308, 5e-324, level][below(8)]!
  })
  const stale = times.map(() => (kind % 2 === 0 && below(10) === 0 ? 1 : 0))
  return filled(times, values, stale)
}

describe('a chunk is small', () => {
  it.each([
    ['a constant, scraped on the dot', filled(every(120), new Array(120).fill(300)), 30],
    [
      'a steady counter',
      filled(
        every(120),
        every(120).map((_, i) => 1e6 + 30 * i),
      ),
      60,
    ],
    [
      'a gauge in percent',
      filled(
        every(120),
        every(120).map((_, i) => (i * 37) % 100),
      ),
      160,
    ],
  ])('%s', (_title, given, most) => {
    expect(roundTrip(given)).toBeLessThanOrEqual(most)
  })
})

describe('bytes that are no chunk', () => {
  const sound = [
    filled(
      every(20),
      every(20).map((_, i) => Math.sin(i)),
    ),
    filled(
      every(20),
      every(20).map((_, i) => i * i),
      [0, 1],
    ),
    filled([0, 1, 9e15], [1, 2, 3]),
  ].map(encode)

  it('cut anywhere they give null', () => {
    for (const bytes of sound) {
      for (let length = 0; length < bytes.length; length++)
        expect(decodeChunk(bytes.subarray(0, length), columns(256), 0), `cut at ${length}`).toBeNull()
    }
  })

  it('changed anywhere they never throw and never write past the count', () => {
    for (const bytes of sound) {
      for (let index = 0; index < bytes.length * 8; index++) {
        const hurt = bytes.slice()
        hurt[index >> 3]! ^= 1 << (index & 7)
        const out = columns(300)
        const count = decodeChunk(hurt, out, 0)
        if (count !== null) expect(out.times.subarray(count).every((time) => time === 0)).toBe(true)
      }
    }
  })

  it('are refused when the columns are too short', () => {
    expect(decodeChunk(sound[0]!, columns(19), 0)).toBeNull()
    expect(decodeChunk(sound[0]!, columns(21), 2)).toBeNull()
  })
})
