// What people read in a message: numbers as Prometheus' template functions print them.

import { describe, expect, it } from 'vitest'
import { humanize, humanize1024, humanizeDuration, humanizePercentage } from '../../../core/rules/humanize.ts'
import { goExponent, goFloat, goGeneral } from '../../../core/rules/number.ts'

const largest = 2 ** 63

describe('humanised numbers', () => {
  it.each([
    [0, '0'],
    [1, '1'],
    [-1, '-1'],
    [1234567, '1.235M'],
    [100.25, '100.2'],
    [100.75, '100.8'],
    [largest, '9.223E'],
    [0.12, '120m'],
    [0.0042, '4.2m'],
    [-0.000001, '-1u'],
    [1e-30, '1e-06y'],
    [1e30, '1e+06Y'],
    [Number.NaN, 'NaN'],
    [Number.POSITIVE_INFINITY, '+Inf'],
    [Number.NEGATIVE_INFINITY, '-Inf'],
  ])('humanize %d is %s', (value, text) => {
    expect(humanize(value)).toBe(text)
  })

  it.each([
    [0, '0'],
    [1, '1'],
    [0.12, '0.12'],
    [1536, '1.5ki'],
    [1048576, '1Mi'],
    [-1048576, '-1Mi'],
    [largest, '8Ei'],
    [Number.NaN, 'NaN'],
  ])('humanize1024 %d is %s', (value, text) => {
    expect(humanize1024(value)).toBe(text)
  })

  it.each([
    [0, '0s'],
    [1, '1s'],
    [60, '1m 0s'],
    [3600, '1h 0m 0s'],
    [86400, '1d 0h 0m 0s'],
    [90000, '1d 1h 0m 0s'],
    [-(86400 * 2 + 3600 * 3 + 60 * 4 + 5), '-2d 3h 4m 5s'],
    [899.99, '14m 59s'],
    [0.1, '100ms'],
    [0.0001, '100us'],
    [0.12345, '123.5ms'],
    [60.1, '1m 0s'],
    [60.5, '1m 0s'],
    [1.2345, '1.234s'],
    [12.345, '12.35s'],
    [-0.5, '-500ms'],
    [Number.POSITIVE_INFINITY, '+Inf'],
  ])('humanizeDuration %d is %s', (value, text) => {
    expect(humanizeDuration(value)).toBe(text)
  })

  it.each([
    [-0.22222, '-22.22%'],
    [0, '0%'],
    [0.1234567, '12.35%'],
    [1.23456, '123.5%'],
    [-1, '-100%'],
    [1, '100%'],
  ])('humanizePercentage %d is %s', (value, text) => {
    expect(humanizePercentage(value)).toBe(text)
  })
})

describe('numbers as Go prints them', () => {
  it.each([
    [0.1, '0.1'],
    [1e21, '1e+21'],
    [1e20, '1e+20'],
    [999999.5, '999999.5'],
    [1048576, '1.048576e+06'],
    [0.00001, '1e-05'],
    [-0, '-0'],
    [Number.NaN, 'NaN'],
  ])('%d is %s', (value, text) => {
    expect(goFloat(value)).toBe(text)
  })

  it('is in the form of the alerts API with an exponent always', () => {
    expect([1, 95.5, 0, Number.NEGATIVE_INFINITY].map(goExponent)).toEqual(['1e+00', '9.55e+01', '0e+00', '-Inf'])
  })

  it('keeps at most the given digits and no trailing zeros', () => {
    expect([99999, 12345.6, 100, 0.00012345].map((value) => goGeneral(value, 4))).toEqual([
      '1e+05',
      '1.235e+04',
      '100',
      '0.0001234',
    ])
  })
})
