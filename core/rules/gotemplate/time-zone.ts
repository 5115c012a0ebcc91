// Moments and calendar dates, in UTC or in a zone that the runtime's own tables know. Offsets come from Intl; the short names that Go prints
// (CET, JST) come from it too where it has them, else from a small table, else they are the offset, as in the tz database.

export type Zone = { readonly name: string; readonly offsetAt: (seconds: number) => Offset }
export type Offset = { readonly seconds: number; readonly short: string }
export type Instant = { readonly nanoseconds: bigint; readonly zone: Zone }
export type DateParts = {
  readonly year: number
  /** From 1. */
  readonly month: number
  readonly day: number
  readonly hour: number
  readonly minute: number
  readonly second: number
  readonly nanosecond: number
}
export type FullDate = DateParts & { readonly weekday: number; readonly yearDay: number; readonly offset: Offset }

export const utc: Zone = { name: 'UTC', offsetAt: () => ({ seconds: 0, short: 'UTC' }) }

export function fixedZone(seconds: number, short: string): Zone {
  return { name: short, offsetAt: () => ({ seconds, short }) }
}

const second = 1_000_000_000n
const floorDiv = (value: bigint, unit: bigint): bigint => (value - (((value % unit) + unit) % unit)) / unit

export function dateAt({ nanoseconds, zone }: Instant): FullDate {
  const unix = Number(floorDiv(nanoseconds, second))
  const offset = zone.offsetAt(unix)
  const local = unix + offset.seconds
  const days = Math.floor(local / 86_400)
  const rest = local - days * 86_400
  const { year, month, day } = civil(days)
  return {
    year,
    month,
    day,
    hour: Math.floor(rest / 3600),
    minute: Math.floor(rest / 60) % 60,
    second: rest % 60,
    nanosecond: Number(nanoseconds - BigInt(unix) * second),
    weekday: (((days + 4) % 7) + 7) % 7,
    yearDay: days - daysFrom(year, 1, 1) + 1,
    offset,
  }
}

/** Fields beyond their range carry over, as in Go's time.Date. */
export function instantAt(date: DateParts, zone: Zone): Instant {
  const months = date.year * 12 + date.month - 1
  const days = daysFrom(Math.floor(months / 12), (((months % 12) + 12) % 12) + 1, 1) + date.day - 1
  const local = days * 86_400 + date.hour * 3600 + date.minute * 60 + date.second
  // The offset that holds at the local time read as UTC may be that of the other side of a change.
  const guess = local - zone.offsetAt(local).seconds
  const unix = local - zone.offsetAt(guess).seconds
  return { nanoseconds: BigInt(unix) * second + BigInt(date.nanosecond), zone }
}

/** Days since 1970 in the Gregorian calendar drawn out to all years; years begin in March here, so that the leap day is the last. */
function daysFrom(year: number, month: number, day: number): number {
  const shifted = month <= 2 ? year - 1 : year
  const era = Math.floor(shifted / 400)
  const ofEra = shifted - era * 400
  const ofYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1
  return era * 146_097 + ofEra * 365 + Math.floor(ofEra / 4) - Math.floor(ofEra / 100) + ofYear - 719_468
}

function civil(days: number): { readonly year: number; readonly month: number; readonly day: number } {
  const shifted = days + 719_468
  const era = Math.floor(shifted / 146_097)
  const ofEra = shifted - era * 146_097
  const yearOfEra = Math.floor(
    (ofEra - Math.floor(ofEra / 1460) + Math.floor(ofEra / 36_524) - Math.floor(ofEra / 146_096)) / 365,
  )
  const ofYear = ofEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const shiftedMonth = Math.floor((5 * ofYear + 2) / 153)
  const month = ((shiftedMonth + 2) % 12) + 1
  return {
    year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0),
    month,
    day: ofYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1,
  }
}

export const daysOfMonth = (year: number, month: number): number =>
  daysFrom(month === 12 ? year + 1 : year, (month % 12) + 1, 1) - daysFrom(year, month, 1)

const shortNames: Readonly<Record<string, string>> = {
  'Asia/Shanghai': 'CST',
  'Asia/Chongqing': 'CST',
  'Asia/Harbin': 'CST',
  PRC: 'CST',
  'Asia/Taipei': 'CST',
  'Asia/Macau': 'CST',
  'Asia/Hong_Kong': 'HKT',
  'Asia/Tokyo': 'JST',
  Japan: 'JST',
  'Asia/Seoul': 'KST',
  'Asia/Kolkata': 'IST',
  'Asia/Calcutta': 'IST',
  'Asia/Karachi': 'PKT',
  'Asia/Manila': 'PST',
  'Asia/Jakarta': 'WIB',
  'Europe/Moscow': 'MSK',
  'Africa/Johannesburg': 'SAST',
  'Africa/Lagos': 'WAT',
  'Africa/Nairobi': 'EAT',
}
const zones = new Map<string, Zone | undefined>()

/** A zone by its IANA name; undefined when there is none. `UTC` and the empty name are UTC. */
export function zoneNamed(name: string): Zone | undefined {
  if (name === '' || name === 'UTC' || name === 'Local') return utc
  if (!zones.has(name) && zones.size < 1000) zones.set(name, openZone(name))
  return zones.get(name)
}

function openZone(name: string): Zone | undefined {
  // Intl takes offsets and any case as well; Go takes names only.
  if (!/^[A-Za-z][A-Za-z0-9_+\-/]*$/.test(name)) return undefined
  try {
    const long = new Intl.DateTimeFormat('en-US', { timeZone: name, timeZoneName: 'longOffset' })
    const short = ['en-US', 'en-GB', 'en-AU'].map(
      (locale) => new Intl.DateTimeFormat(locale, { timeZone: name, timeZoneName: 'short' }),
    )
    return { name, offsetAt: (seconds) => offsetIn(name, long, short, seconds) }
  } catch {
    return undefined // a RangeError is how Intl says that it does not know the name
  }
}

function offsetIn(
  name: string,
  long: Intl.DateTimeFormat,
  short: readonly Intl.DateTimeFormat[],
  unix: number,
): Offset {
  // Intl's dates end at the year 275760.
  const date = new Date(Math.max(-8.64e15, Math.min(8.64e15, unix * 1000)))
  const text = partOf(long, date)
  const found = /^GMT(?:([+-])(\d\d):(\d\d)(?::(\d\d))?)?$/.exec(text)
  const size = Number(found?.[2] ?? 0) * 3600 + Number(found?.[3] ?? 0) * 60 + Number(found?.[4] ?? 0)
  const seconds = found?.[1] === '-' ? -size : size
  const words = short.map((one) => partOf(one, date)).find((word) => /^[A-Z]{2,5}$/.test(word))
  if (Object.hasOwn(shortNames, name)) return { seconds, short: shortNames[name]! }
  return { seconds, short: words ?? offsetName(seconds) }
}

const partOf = (format: Intl.DateTimeFormat, date: Date): string =>
  format.formatToParts(date).find((part) => part.type === 'timeZoneName')?.value ?? ''

function offsetName(seconds: number): string {
  const size = Math.abs(seconds)
  const minutes = Math.floor(size / 60) % 60
  const hours = String(Math.floor(size / 3600)).padStart(2, '0')
  return `${seconds < 0 ? '-' : '+'}${hours}${minutes === 0 ? '' : String(minutes).padStart(2, '0')}`
}
