// Go's time.Time, time.Duration, time.Month and time.Weekday as template values, with the methods that templates call. Nanoseconds are whole
// numbers, years run from 1 on, as in Go; the zone is UTC unless tz changed it.

import { fault, method } from './function.ts'
import { formatTime, monthNames, weekdayNames } from './time-layout.ts'
import { dateAt, type Instant, instantAt, utc, type Zone } from './time-zone.ts'
import { type GoNamed, type GoStruct, type Methods, named, struct, type Value } from './value.ts'

const second = 1_000_000_000n

const seconds = (ns: bigint): number => Number(ns / second) + Number(ns % second) / 1e9
const quotient = (ns: bigint, unit: bigint): number => Number(ns / unit) + Number(ns % unit) / Number(unit)

const durationMethods: Methods = {
  Seconds: method([], (d: GoNamed) => seconds(d.value)),
  Minutes: method([], (d: GoNamed) => quotient(d.value, 60n * second)),
  Hours: method([], (d: GoNamed) => quotient(d.value, 3600n * second)),
  Milliseconds: method([], (d: GoNamed) => d.value / 1_000_000n),
  Microseconds: method([], (d: GoNamed) => d.value / 1000n),
  Nanoseconds: method([], (d: GoNamed) => d.value),
  String: method([], (d: GoNamed) => durationText(d.value)),
  Abs: method([], (d: GoNamed) => duration(d.value < 0n ? -d.value : d.value)),
  Round: method(['time.Duration'], (d: GoNamed, unit: Value) => duration(rounded(d.value, nanosecondsOf(unit)))),
  Truncate: method(['time.Duration'], (d: GoNamed, unit: Value) => duration(truncated(d.value, nanosecondsOf(unit)))),
}

export const duration = (nanoseconds: bigint): GoNamed => named('time.Duration', nanoseconds, durationMethods)

/** A duration argument: of its type, or a whole number written in the template. */
const nanosecondsOf = (value: Value): bigint => (typeof value === 'bigint' ? value : (value as GoNamed).value)

const truncated = (value: bigint, unit: bigint): bigint => (unit <= 0n ? value : value - (value % unit))
function rounded(value: bigint, unit: bigint): bigint {
  if (unit <= 0n) return value
  const rest = value % unit
  const size = rest < 0n ? -rest : rest
  if (size + size < unit) return value - rest
  return value - rest + (value < 0n ? -unit : unit)
}

/** `1h30m0s`, `1.5ms`, `0s`. */
export function durationText(nanoseconds: bigint): string {
  if (nanoseconds === 0n) return '0s'
  const sign = nanoseconds < 0n ? '-' : ''
  const size = nanoseconds < 0n ? -nanoseconds : nanoseconds
  if (size < second) {
    const [unit, name] = size < 1000n ? [1n, 'ns'] : size < 1_000_000n ? [1000n, 'µs'] : [1_000_000n, 'ms']
    return `${sign}${decimal(size, unit as bigint)}${name}`
  }
  const hours = size / (3600n * second)
  const minutes = (size / (60n * second)) % 60n
  const rest = `${decimal(size % (60n * second), second)}s`
  if (hours > 0n) return `${sign}${hours}h${minutes}m${rest}`
  return minutes > 0n ? `${sign}${minutes}m${rest}` : sign + rest
}

function decimal(value: bigint, unit: bigint): string {
  const fraction = (value % unit)
    .toString()
    .padStart(unit.toString().length - 1, '0')
    .replace(/0+$/, '')
  return `${value / unit}${unit === 1n || fraction === '' ? '' : `.${fraction}`}`
}

const namesOf = (names: readonly string[], first: number): Methods => ({
  String: method([], (one: GoNamed) => names[Number(one.value) - first] ?? ''),
})
const monthMethods = namesOf(monthNames, 1)
const weekdayMethods = namesOf(weekdayNames, 0)

/** The moment behind a time value. */
const instants = new WeakMap<GoStruct, Instant>()
export const instantOf = (value: Value): Instant => instants.get(value as GoStruct) ?? { nanoseconds: 0n, zone: utc }

const part = (read: (date: ReturnType<typeof dateAt>) => number) =>
  method([], (t: GoStruct) => BigInt(read(dateAt(instantOf(t)))))
const moved = (t: GoStruct, nanoseconds: bigint): GoStruct => time({ ...instantOf(t), nanoseconds })
const zoned = (t: GoStruct, zone: Zone): GoStruct => time({ ...instantOf(t), zone })
const between = (a: Value, b: Value): bigint => instantOf(a).nanoseconds - instantOf(b).nanoseconds
const clamped = (ns: bigint): bigint => (ns > 2n ** 63n - 1n ? 2n ** 63n - 1n : ns < -(2n ** 63n) ? -(2n ** 63n) : ns)
const floor = (value: bigint, unit: bigint): bigint => (value - (((value % unit) + unit) % unit)) / unit

const timeMethods: Methods = {
  Format: method(['string'], (t: GoStruct, layout: string) => formatTime(instantOf(t), layout)),
  String: method([], (t: GoStruct) => timeText(instantOf(t))),
  Unix: method([], (t: GoStruct) => floor(instantOf(t).nanoseconds, second)),
  UnixMilli: method([], (t: GoStruct) => floor(instantOf(t).nanoseconds, 1_000_000n)),
  UnixMicro: method([], (t: GoStruct) => floor(instantOf(t).nanoseconds, 1000n)),
  UnixNano: method([], (t: GoStruct) => BigInt.asIntN(64, instantOf(t).nanoseconds)),
  Add: method(['time.Duration'], (t: GoStruct, d: Value) => moved(t, instantOf(t).nanoseconds + nanosecondsOf(d))),
  AddDate: method(['int', 'int', 'int'], (t: GoStruct, years: bigint, months: bigint, days: bigint) => {
    if ([years, months, days].some((count) => count > 100_000n || count < -100_000n)) throw fault('date out of range')
    const { year, month, day, ...rest } = dateAt(instantOf(t))
    const date = { ...rest, year: year + Number(years), month: month + Number(months), day: day + Number(days) }
    return time(instantAt(date, instantOf(t).zone))
  }),
  Sub: method(['time.Time'], (t: GoStruct, other: Value) => duration(clamped(between(t, other)))),
  After: method(['time.Time'], (t: GoStruct, other: Value) => between(t, other) > 0n),
  Before: method(['time.Time'], (t: GoStruct, other: Value) => between(t, other) < 0n),
  Equal: method(['time.Time'], (t: GoStruct, other: Value) => between(t, other) === 0n),
  IsZero: method([], (t: GoStruct) => instantOf(t).nanoseconds === zeroNanoseconds),
  UTC: method([], (t: GoStruct) => zoned(t, utc)),
  Local: method([], (t: GoStruct) => zoned(t, utc)),
  Year: part((date) => date.year),
  Month: method([], (t: GoStruct) => named('time.Month', BigInt(dateAt(instantOf(t)).month), monthMethods)),
  Day: part((date) => date.day),
  Hour: part((date) => date.hour),
  Minute: part((date) => date.minute),
  Second: part((date) => date.second),
  Nanosecond: part((date) => date.nanosecond),
  YearDay: part((date) => date.yearDay),
  Weekday: method([], (t: GoStruct) => named('time.Weekday', BigInt(dateAt(instantOf(t)).weekday), weekdayMethods)),
  Round: method(['time.Duration'], (t: GoStruct, unit: Value) =>
    moved(t, zeroNanoseconds + rounded(instantOf(t).nanoseconds - zeroNanoseconds, nanosecondsOf(unit))),
  ),
  Truncate: method(['time.Duration'], (t: GoStruct, unit: Value) =>
    moved(t, zeroNanoseconds + truncated(instantOf(t).nanoseconds - zeroNanoseconds, nanosecondsOf(unit))),
  ),
}

/** 1 January of year 1: what Go's time is before it is set. */
export const zeroNanoseconds = -62_135_596_800n * second

export function time(instant: Instant, pointer = false): GoStruct {
  const value = struct(pointer ? '*time.Time' : 'time.Time', {}, timeMethods)
  instants.set(value, instant)
  return value
}

export const timeFromMs = (ms: number): GoStruct =>
  time({ nanoseconds: BigInt(Math.round(ms * 1000)) * 1000n, zone: utc })

/** `2006-01-02 15:04:05.999999999 -0700 MST`. */
export const timeText = (instant: Instant): string => formatTime(instant, '2006-01-02 15:04:05.999999999 -0700 MST')

export const isTime = (value: Value): boolean => instants.has(value as GoStruct)
