// Durations: what Prometheus takes is taken, what it refuses is refused, and what is printed reads back.

import { describe, expect, it } from 'vitest'
import { formatDuration, parseDuration, tryParseDuration } from '../../../core/base/duration.ts'
import { cpuMs } from '../../helpers/cpu-time.ts'
import { random } from '../../helpers/random.ts'

describe('durations', () => {
  it.each([
    ['0', 0],
    ['0s', 0],
    ['1ms', 1],
    ['1s', 1000],
    ['5m', 300_000],
    ['1h30m', 5_400_000],
    ['1d', 86_400_000],
    ['1w', 604_800_000],
    ['1y', 31_536_000_000],
    ['1y2w3d4h5m6s7ms', 31_536_000_000 + 1_209_600_000 + 259_200_000 + 14_400_000 + 300_000 + 6000 + 7],
    ['007s', 7000],
    ['90m', 5_400_000],
  ])('%s is %i ms', (text, ms) => {
    expect(tryParseDuration(text)).toBe(ms)
    expect(parseDuration(text)).toBe(ms)
  })

  it.each([
    '',
    '5',
    '1.5h',
    '-1s',
    '+1s',
    '1s1m',
    '1m1m',
    's',
    '1 s',
    ' 1s',
    '1s ',
    '1S',
    '1ms1s',
    '1µs',
    '１s',
    '99999999999999999y',
    '00',
  ])('%j is none', (text) => {
    expect(tryParseDuration(text)).toBeUndefined()
    expect(() => parseDuration(text)).toThrow(`not a valid duration: "${text}"`)
  })

  it.each([
    [0, '0s'],
    [0.4, '0s'],
    [1, '1ms'],
    [1500, '1s500ms'],
    [8 * 86_400_000, '8d'],
    [14 * 86_400_000, '2w'],
    [365 * 86_400_000, '1y'],
    [366 * 86_400_000, '366d'],
    [5_400_000, '1h30m'],
    [-90_000, '-1m30s'],
  ])('%d ms prints as %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text)
  })

  const seed = Date.now() >>> 0
  it(`print and read back to the same length (seed ${seed})`, () => {
    const { integer } = random(seed)
    for (let run = 0; run < 2000; run++) {
      const ms = integer(0, 2 ** integer(1, 42))
      expect(tryParseDuration(formatDuration(ms)), `${ms} ms, seed ${seed}`).toBe(ms)
    }
  })

  it('refuse a million digits without a pause', () => {
    const begun = cpuMs()
    expect(tryParseDuration(`${'1'.repeat(1_000_000)}x`)).toBeUndefined()
    expect(cpuMs() - begun).toBeLessThan(2000)
  })
})
