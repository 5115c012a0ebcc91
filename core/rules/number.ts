// Numbers as Go prints them, since templates and the Prometheus API show them so and readers compare texts.

/** `%v` of a float64: shortest form, exponent below 1e-4 and from 1e21 on. */
export function goFloat(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf'
  if (value === 0) return Object.is(value, -0) ? '-0' : '0'
  const magnitude = Math.abs(value)
  if (magnitude < 1e-4 || magnitude >= 1e21) return exponentForm(value.toExponential())
  return String(value)
}

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
