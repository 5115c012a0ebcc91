// Numbers as Go prints them, since the Prometheus API and its messages show them so and readers compare texts.

/** Go's 'f' format: shortest that reads back the same, no exponent. */
export function goNumber(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf'
  if (value === 0) return Object.is(value, -0) ? '-0' : '0'
  const text = String(value)
  const parts = /^(-?)(\d+)(?:\.(\d+))?e([+-]\d+)$/.exec(text)
  if (parts === null) return text
  const [, sign = '', whole = '', fraction = '', power = '0'] = parts
  const point = whole.length + Number(power)
  const digits = whole + fraction
  if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`
  return point >= digits.length
    ? `${sign}${digits}${'0'.repeat(point - digits.length)}`
    : `${sign}${digits.slice(0, point)}.${digits.slice(point)}`
}

/** Go's %g and %v: shortest, with an exponent of two digits at least below 1e-4 and from 1e6 on. */
export function goShort(value: number): string {
  if (value === 0 || !Number.isFinite(value)) return goNumber(value)
  const [mantissa = '', power = '0'] = value.toExponential().split('e')
  const exponent = Number(power)
  if (exponent >= -4 && exponent < 6) return goNumber(value)
  return `${mantissa}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`
}

/** Go's %.2g. */
export function goTwoDigits(value: number): string {
  if (value === 0 || !Number.isFinite(value)) return goNumber(value)
  const rounded = Number(value.toPrecision(2))
  const [mantissa = '', power = '0'] = rounded.toExponential().split('e')
  const exponent = Number(power)
  if (exponent >= -4 && exponent < 2) return goNumber(rounded)
  return `${mantissa}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`
}

/** OpenMetrics' form: as goShort, and never without a point or an exponent. */
export function openMetricsNumber(value: number): string {
  const text = goShort(value)
  return !Number.isFinite(value) || /[.e]/.test(text) ? text : `${text}.0`
}
