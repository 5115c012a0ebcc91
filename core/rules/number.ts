// Numbers as Go prints them, since templates and the Prometheus API show them so and readers compare texts.

import { goShort } from '../promql/number-text.ts'
import { formatFloat, noFlags } from './gotemplate/format.ts'

/** `%v` of a float64: the shortest form that reads back the same, with an exponent below 1e-4 and from 1e6 on. */
export const goFloat = goShort

/** `strconv.FormatFloat(v, 'e', -1, 64)`: how the alerts API shows values. */
export function goExponent(value: number): string {
  return Number.isFinite(value) ? exponentForm(value.toExponential()) : goFloat(value)
}

/** `%.Ng`: at most N digits, no trailing zeros, Go's two-digit exponents. */
export function goGeneral(value: number, digits: number): string {
  if (!Number.isFinite(value)) return goFloat(value)
  return formatFloat(value, 'g', { ...noFlags, precision: digits })!
}

const exponentForm = (text: string): string =>
  text.replace(/e([+-])(\d+)$/, (_all, sign: string, digits: string) => `e${sign}${digits.padStart(2, '0')}`)
