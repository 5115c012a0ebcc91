// A time read from a text by a layout, as Go's time.ParseInLocation in UTC does. Answers an error's words instead of throwing.

import type { Failure } from './literal.ts'
import { longestTime, monthNames, readLayout, weekdayNames } from './time-layout.ts'
import { daysOfMonth, fixedZone, type Instant, instantAt, utc, type Zone } from './time-zone.ts'
import { encode } from './utf8.ts'

type Read = {
  year: number
  month: number
  day: number
  yearDay: number
  hour: number
  minute: number
  second: number
  nanosecond: number
  half: 'am' | 'pm' | undefined
  zone: Zone | undefined
  offset: number | undefined
  zoneName: string
}

/** What a field leaves unread, or what is wrong: with words, that it is out of range. */
type Step = { readonly rest: string } | { readonly bad: string }

export function parseTime(layout: string, value: string): Instant | Failure {
  const read: Read = {
    year: 0,
    month: -1,
    day: -1,
    yearDay: -1,
    hour: 0,
    minute: 0,
    second: 0,
    nanosecond: 0,
    half: undefined,
    zone: undefined,
    offset: undefined,
    zoneName: '',
  }
  const wrong = (words: string): Failure => ({ fault: `parsing time ${quoted(value)}${words}` })
  const parts = readLayout(layout)
  if (value.length > longestTime) return { fault: `a time of more than ${longestTime} characters` }
  let rest = value
  for (const [index, part] of parts.entries()) {
    const mismatch = wrong(` as ${quoted(layout)}: cannot parse ${quoted(rest)} as ${quoted(part.text)}`)
    if (part.field === null) {
      const after = skipped(rest, part.text)
      if (after === undefined) return mismatch
      rest = after
      continue
    }
    const step = readField(read, part.field, part.text, rest, parts[index + 1]?.field === 'fraction')
    if ('bad' in step) return step.bad === '' ? mismatch : wrong(`: ${step.bad} out of range`)
    rest = step.rest
  }
  if (rest !== '') return wrong(`: extra text: ${quoted(rest)}`)
  const fault = settle(read)
  return fault === undefined ? instantOf(read) : wrong(`: ${fault}`)
}

/** Text of the layout against the value; a run of spaces stands for any run of spaces. */
function skipped(value: string, text: string): string | undefined {
  let rest = value
  for (let at = 0; at < text.length; at++) {
    if (text[at] === ' ') {
      if (rest !== '' && rest[0] !== ' ') return undefined
      while (text[at + 1] === ' ') at++
      rest = rest.replace(/^ +/, '')
    } else {
      if (rest[0] !== text[at]) return undefined
      rest = rest.slice(1)
    }
  }
  return rest
}

const bad: Step = { bad: '' }

function readField(read: Read, field: string, text: string, value: string, fractionNext: boolean): Step {
  const number = (form: RegExp, key: keyof Read, from: number, to: number, what: string): Step => {
    const found = form.exec(value)?.[0]
    if (found === undefined) return bad
    const size = Number(found)
    ;(read as Record<string, unknown>)[key] = size
    return size < from || size > to ? { bad: what } : { rest: value.slice(found.length) }
  }
  const name = (names: readonly string[], length: number | undefined, take: (index: number) => void): Step => {
    const index = names.findIndex(
      (one) => value.slice(0, length ?? one.length).toLowerCase() === one.slice(0, length).toLowerCase(),
    )
    if (index < 0) return bad
    take(index)
    return { rest: value.slice(length ?? names[index]!.length) }
  }
  const two = /^\d\d/
  const few = /^\d\d?/
  switch (field) {
    case '06': {
      const found = two.exec(value)?.[0]
      if (found === undefined) return bad
      read.year = Number(found) + (Number(found) >= 69 ? 1900 : 2000)
      return { rest: value.slice(2) }
    }
    case '2006':
      return number(/^\d{4}/, 'year', 0, 9999, 'year')
    case 'January':
      return name(monthNames, undefined, (index) => (read.month = index + 1))
    case 'Jan':
      return name(monthNames, 3, (index) => (read.month = index + 1))
    case 'Monday':
      return name(weekdayNames, undefined, () => undefined)
    case 'Mon':
      return name(weekdayNames, 3, () => undefined)
    case '1':
    case '01':
      return number(field === '1' ? few : two, 'month', 1, 12, 'month')
    case '2':
      return number(few, 'day', 0, 99, 'day')
    case '02':
      return number(two, 'day', 0, 99, 'day')
    case '_2':
      return number(/^ ?\d\d?/, 'day', 0, 99, 'day')
    case '__2':
      return number(/^ {0,2}\d{1,3}/, 'yearDay', 0, 999, 'day')
    case '002':
      return number(/^\d{3}/, 'yearDay', 0, 999, 'day')
    case '15':
      return number(few, 'hour', 0, 23, 'hour')
    case '3':
    case '03':
      return number(field === '3' ? few : two, 'hour', 0, 12, 'hour')
    case '4':
    case '04':
      return number(field === '4' ? few : two, 'minute', 0, 59, 'minute')
    case '5':
    case '05': {
      const step = number(field === '5' ? few : two, 'second', 0, 59, 'second')
      if ('bad' in step || fractionNext || !/^[.,]\d/.test(step.rest)) return step
      // A fraction may follow whole seconds though the layout has none.
      return fraction(read, /^[.,]\d+/.exec(step.rest)![0], step.rest)
    }
    case 'fraction': {
      if (text[1] === '9') {
        const found = /^[.,]\d+/.exec(value)?.[0]
        return found === undefined ? { rest: value } : fraction(read, found, value)
      }
      const found = value.slice(0, text.length)
      return new RegExp(`^[.,]\\d{${Math.min(text.length - 1, 64)}}$`).test(found) ? fraction(read, found, value) : bad
    }
    case 'PM':
    case 'pm': {
      const found = value.slice(0, 2)
      const [after, before] = field === 'PM' ? ['PM', 'AM'] : ['pm', 'am']
      if (found !== after && found !== before) return bad
      read.half = found === after ? 'pm' : 'am'
      return { rest: value.slice(2) }
    }
    case 'MST':
      return zoneWord(read, value)
    default:
      return offset(read, field, value)
  }
}

function fraction(read: Read, found: string, value: string): Step {
  read.nanosecond = Number(found.slice(1, 10).padEnd(9, '0'))
  return { rest: value.slice(found.length) }
}

function zoneWord(read: Read, value: string): Step {
  if (value.startsWith('UTC')) {
    read.zone = utc
    return { rest: value.slice(3) }
  }
  const gmt = /^GMT(?:[+-]\d{1,2}(?!\d))?/.exec(value)?.[0]
  const found = gmt ?? /^[+-]\d\d(?:\d\d)?(?!\d)/.exec(value)?.[0] ?? /^[A-Z]{3,5}(?![A-Z])/.exec(value)?.[0]
  if (found === undefined || (found.length === 5 && !found.endsWith('T') && /^[A-Z]/.test(found))) return bad
  if (found.length === 4 && /^[A-Z]/.test(found) && !found.endsWith('T') && found !== 'WITA') return bad
  read.zoneName = found
  return { rest: value.slice(found.length) }
}

function offset(read: Read, field: string, value: string): Step {
  if (field.startsWith('Z') && value.startsWith('Z')) {
    read.zone = utc
    return { rest: value.slice(1) }
  }
  const form = /07:00:00$/.test(field)
    ? /^([+-])(\d\d):(\d\d):(\d\d)/
    : /070000$/.test(field)
      ? /^([+-])(\d\d)(\d\d)(\d\d)/
      : /07:00$/.test(field)
        ? /^([+-])(\d\d):(\d\d)/
        : /0700$/.test(field)
          ? /^([+-])(\d\d)(\d\d)/
          : /^([+-])(\d\d)/
  const found = form.exec(value)
  if (found === null) return bad
  const [all, sign, hours = '0', minutes = '0', seconds = '0'] = found
  if (Number(hours) > 24) return { bad: 'time zone offset hour' }
  if (Number(minutes) > 60) return { bad: 'time zone offset minute' }
  if (Number(seconds) > 60) return { bad: 'time zone offset second' }
  const size = (Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)
  read.offset = sign === '-' ? -size : size
  return { rest: value.slice(all.length) }
}

/** Fields that depend on each other; answers what does not fit. */
function settle(read: Read): string | undefined {
  if (read.half === 'pm' && read.hour < 12) read.hour += 12
  if (read.half === 'am' && read.hour === 12) read.hour = 0
  if (read.yearDay >= 0) {
    let rest = read.yearDay
    let month = 1
    while (month <= 12 && rest > daysOfMonth(read.year, month)) rest -= daysOfMonth(read.year, month++)
    if (read.yearDay < 1 || month > 12) return 'day-of-year out of range'
    if (read.month >= 0 && read.month !== month) return 'day-of-year does not match month'
    if (read.day >= 0 && read.day !== rest) return 'day-of-year does not match day'
    read.month = month
    read.day = rest
  }
  if (read.month < 0) read.month = 1
  if (read.day < 0) read.day = 1
  return read.day < 1 || read.day > daysOfMonth(read.year, read.month) ? 'day out of range' : undefined
}

function instantOf(read: Read): Instant {
  if (read.zone !== undefined) return instantAt(read, read.zone)
  if (read.offset !== undefined) {
    const local = read.offset === 0 && (read.zoneName === '' || read.zoneName === 'UTC')
    return instantAt(read, local ? utc : fixedZone(read.offset, read.zoneName))
  }
  if (read.zoneName === '') return instantAt(read, utc)
  const hours = read.zoneName.startsWith('GMT') && read.zoneName.length > 3 ? Number(read.zoneName.slice(3)) : 0
  return instantAt(read, fixedZone(hours * 3600, read.zoneName))
}

/** Texts in errors of times are quoted byte by byte, unlike anywhere else. */
function quoted(text: string): string {
  let out = ''
  for (const byte of encode(text)) {
    const char = String.fromCharCode(byte)
    if (byte < 0x20 || byte >= 0x80) out += `\\x${byte.toString(16).padStart(2, '0')}`
    else out += char === '"' || char === '\\' ? `\\${char}` : char
  }
  return `"${out}"`
}
