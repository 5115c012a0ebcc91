// What Prometheus' number functions take: a number of any kind, a duration, or a text that is one.

import { goFloat } from '../number.ts'
import { fault } from './function.ts'
import { parseFloatLiteral } from './literal.ts'
import { goQuote } from './quote.ts'
import { time } from './time-value.ts'
import { utc } from './time-zone.ts'
import { type GoStruct, isNamed, typeOf, type Value } from './value.ts'

export function toFloat(value: Value): number {
  if (typeof value === 'number') return value
  if (typeof value === 'bigint') return Number(value)
  if (isNamed(value) && value.type === 'time.Duration') {
    const whole = value.value / 1_000_000_000n
    return Number(whole) + Number(value.value - whole * 1_000_000_000n) / 1e9
  }
  if (typeof value !== 'string') throw fault(`can't convert ${value === null ? '<nil>' : typeOf(value)} to float`)
  const found = parseFloatLiteral(value)
  if (typeof found === 'number') return found
  const words = found === 'syntax' ? 'invalid syntax' : 'value out of range'
  throw fault(`strconv.ParseFloat: parsing ${goQuote(value)}: ${words}`)
}

/** Seconds since 1970 as a time, in whole milliseconds as Prometheus keeps it. */
export function floatToTime(value: number): GoStruct {
  if (!Number.isFinite(value)) throw fault('value is NaN or Inf')
  const nanoseconds = value * 1e9
  if (nanoseconds > 2 ** 63 || nanoseconds < -(2 ** 63))
    throw fault(`${goFloat(value)} cannot be represented as a nanoseconds timestamp since it overflows int64`)
  const ms = BigInt(Math.trunc(nanoseconds)) / 1_000_000n
  return time({ nanoseconds: ms * 1_000_000n, zone: utc }, true)
}
