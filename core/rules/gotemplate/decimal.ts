// Exact decimal digits of a float64, rounded half to even as Go rounds them. JavaScript's toFixed and toExponential round a tie up, so that
// `%.0f` of 2.5 would read 3.

export type Decimal = {
  /** Without sign and point; the first is not 0 unless the value is. */
  readonly digits: string
  /** Of the first digit: 1.5e3 has exponent 3. */
  readonly exponent: number
}

/** No float64 has more digits behind its point. */
const deepest = 1100

/** `%.Nf` of the magnitude. */
export function fixed(value: number, places: number): string {
  const exact = Math.min(places, deepest)
  const text = scaled(value, exact)
    .toString()
    .padStart(exact + 1, '0')
  const whole = text.slice(0, text.length - exact)
  return places === 0 ? whole : `${whole}.${text.slice(text.length - exact).padEnd(places, '0')}`
}

/** The magnitude's first `count` digits, 1 or more. */
export function firstDigits(value: number, count: number): Decimal {
  if (value === 0) return { digits: '0'.repeat(count), exponent: 0 }
  const exact = Math.min(count, deepest)
  let exponent = Number(Math.abs(value).toExponential().split('e')[1])
  for (;;) {
    const digits = scaled(value, exact - 1 - exponent).toString()
    if (digits.length === exact) return { digits: digits.padEnd(count, '0'), exponent }
    exponent += digits.length > exact ? 1 : -1
  }
}

/** The fewest digits that read back the same. */
export function shortest(value: number): Decimal {
  const [mantissa = '', power = '0'] = Math.abs(value).toExponential().split('e')
  return { digits: mantissa.replace('.', ''), exponent: Number(power) }
}

/** |value| × 10^places as a whole number. */
function scaled(value: number, places: number): bigint {
  const { mantissa, exponent } = parts(value)
  let numerator = mantissa
  let denominator = 1n
  if (places >= 0) numerator *= 10n ** BigInt(places)
  else denominator *= 10n ** BigInt(-places)
  if (exponent >= 0) numerator <<= BigInt(exponent)
  else denominator <<= BigInt(-exponent)
  const quotient = numerator / denominator
  const twice = 2n * (numerator - quotient * denominator)
  return twice > denominator || (twice === denominator && quotient % 2n === 1n) ? quotient + 1n : quotient
}

const view = new DataView(new ArrayBuffer(8))

/** |value| = mantissa × 2^exponent. */
export function parts(value: number): { readonly mantissa: bigint; readonly exponent: number } {
  view.setFloat64(0, value)
  const bits = view.getBigUint64(0)
  const fraction = bits & 0xfffffffffffffn
  const biased = Number((bits >> 52n) & 0x7ffn)
  return biased === 0
    ? { mantissa: fraction, exponent: -1074 }
    : { mantissa: fraction | 0x10000000000000n, exponent: biased - 1075 }
}
