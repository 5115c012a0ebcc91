// Numbers as Go prints them, since templates and the Prometheus API show them so and readers compare texts.

import { goShort } from '../promql/number-text.ts'

/** `%v` of a float64: the shortest form that reads back the same, with an exponent below 1e-4 and from 1e6 on. */
export const goFloat = goShort

/** `strconv.FormatFloat(v, 'e', -1, 64)`: how the alerts API shows values. */
export function goExponent(value: number): string {
  return Number.isFinite(value) ? exponentForm(value.toExponential()) : goFloat(value)
}

/** `%.Ng`: at most N digits, no trailing zeros, Go's two-digit exponents. */
export function goGeneral(value: number, digits: number): string {
  if (!Number.isFinite(value)) return goFloat(value)
  if (value === 0) return '0'
  const exponent = Number(value.toExponential(digits - 1).split('e')[1])
  if (exponent < -4 || exponent >= digits) {
    const [mantissa = '', power = ''] = value.toExponential(digits - 1).split('e')
    return exponentForm(`${trimZeros(mantissa)}e${power}`)
  }
  return trimZeros(value.toFixed(Math.max(0, digits - 1 - exponent)))
}

const trimZeros = (text: string): string => (text.includes('.') ? text.replace(/\.?0+$/, '') : text)

const exponentForm = (text: string): string =>
  text.replace(/e([+-])(\d+)$/, (_all, sign: string, digits: string) => `e${sign}${digits.padStart(2, '0')}`)
