// Go's time layouts: the reference time `Mon Jan 2 15:04:05 MST 2006` written the way the result shall look. One reader of layouts serves
// writing and reading.

import { fault } from './function.ts'
import { type DateParts, dateAt, type FullDate, type Instant } from './time-zone.ts'

export const monthNames = 'January February March April May June July August September October November December'.split(
  ' ',
)
export const weekdayNames = 'Sunday Monday Tuesday Wednesday Thursday Friday Saturday'.split(' ')

export type Field = (typeof fields)[number] | 'fraction'
export type LayoutPart =
  | { readonly field: null; readonly text: string }
  | { readonly field: Field; readonly text: string }

// Longer spellings of one beginning stand before shorter ones.
const fields = [
  'January',
  'Jan',
  'Monday',
  'Mon',
  'MST',
  '01',
  '02',
  '03',
  '04',
  '05',
  '06',
  '002',
  '15',
  '1',
  '2006',
  '2',
  '__2',
  '_2',
  '3',
  '4',
  '5',
  'PM',
  'pm',
  '-070000',
  '-07:00:00',
  '-0700',
  '-07:00',
  '-07',
  'Z070000',
  'Z07:00:00',
  'Z0700',
  'Z07:00',
  'Z07',
] as const

/** Nobody writes a time with more, and every field of it is looked up. */
export const longestTime = 1000

export function readLayout(layout: string): readonly LayoutPart[] {
  if (layout.length > longestTime) throw fault(`a layout of more than ${longestTime} characters`)
  const parts: LayoutPart[] = []
  let text = ''
  for (let at = 0; at < layout.length; ) {
    const found = fieldAt(layout, at)
    if (found === undefined) {
      text += layout[at++]
      continue
    }
    if (text !== '') parts.push({ field: null, text })
    text = ''
    parts.push(found)
    at += found.text.length
  }
  if (text !== '') parts.push({ field: null, text })
  return parts
}

function fieldAt(layout: string, at: number): LayoutPart | undefined {
  const rest = layout.slice(at, at + 64)
  const fraction = /^[.,](?:0+|9+)(?!\d)/.exec(rest)?.[0]
  if (fraction !== undefined) return { field: 'fraction', text: fraction }
  // `_2006` is a line below before a year.
  if (rest.startsWith('_2006')) return undefined
  const field = fields.find((one) => rest.startsWith(one))
  if (field === undefined) return undefined
  const follower = rest[field.length] ?? ''
  if ((field === 'Jan' || field === 'Mon') && /[a-z]/.test(follower)) return undefined
  return { field, text: field }
}

export function formatTime(instant: Instant, layout: string): string {
  const date = dateAt(instant)
  let out = ''
  for (const part of readLayout(layout)) out += part.field === null ? part.text : written(date, part.field, part.text)
  return out
}

const digits = (value: number, width: number): string =>
  `${value < 0 ? '-' : ''}${String(Math.abs(value)).padStart(width, '0')}`

function written(date: FullDate, field: Field, text: string): string {
  const hour = date.hour % 12 === 0 ? 12 : date.hour % 12
  switch (field) {
    case 'January':
      return monthNames[date.month - 1]!
    case 'Jan':
      return monthNames[date.month - 1]!.slice(0, 3)
    case 'Monday':
      return weekdayNames[date.weekday]!
    case 'Mon':
      return weekdayNames[date.weekday]!.slice(0, 3)
    case 'MST':
      return date.offset.short === '' ? offsetText(date, '-0700') : date.offset.short
    case '01':
      return digits(date.month, 2)
    case '02':
      return digits(date.day, 2)
    case '03':
      return digits(hour, 2)
    case '04':
      return digits(date.minute, 2)
    case '05':
      return digits(date.second, 2)
    case '06':
      return digits(Math.abs(date.year) % 100, 2)
    case '002':
      return digits(date.yearDay, 3)
    case '15':
      return digits(date.hour, 2)
    case '1':
      return String(date.month)
    case '2006':
      return digits(date.year, 4)
    case '2':
      return String(date.day)
    case '__2':
      return String(date.yearDay).padStart(3)
    case '_2':
      return String(date.day).padStart(2)
    case '3':
      return String(hour)
    case '4':
      return String(date.minute)
    case '5':
      return String(date.second)
    case 'PM':
      return date.hour >= 12 ? 'PM' : 'AM'
    case 'pm':
      return date.hour >= 12 ? 'pm' : 'am'
    case 'fraction':
      return fractionText(date, text)
    default:
      return field.startsWith('Z') && date.offset.seconds === 0 ? 'Z' : offsetText(date, field)
  }
}

/** `.000` shows so many digits always, `.999` leaves zeros at the end away. */
function fractionText(date: DateParts, text: string): string {
  const all = String(date.nanosecond)
    .padStart(9, '0')
    .padEnd(text.length - 1, '0')
    .slice(0, text.length - 1)
  if (text[1] === '0') return text[0] + all
  const shown = all.replace(/0+$/, '')
  return shown === '' ? '' : text[0] + shown
}

function offsetText(date: FullDate, field: string): string {
  const { seconds } = date.offset
  const size = Math.abs(seconds)
  const minutes = Math.floor(size / 60)
  const colon = field.includes(':') ? ':' : ''
  const count = (field.match(/0/g)?.length ?? 0) + 1
  // A negative offset of less than a minute counts as none, since Go works in whole minutes here.
  const sign = seconds < 0 && minutes > 0 ? '-' : '+'
  let out = sign + digits(Math.floor(minutes / 60), 2)
  if (count > 2) out += colon + digits(minutes % 60, 2)
  if (/07:?00:?00$/.test(field)) out += colon + digits(size % 60, 2)
  return out
}
