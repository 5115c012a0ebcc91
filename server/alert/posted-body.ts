// What others post: Alertmanager's list of alerts as JSON, read with its defaults. What is wrong with one alert does not keep the others out. Pure:
// the same bytes, read at the same time with the same timeout, give the same alerts, so that a journal of requests can be read again.

import { InferwardError } from '../../core/base/errors.ts'

export type PostedAlert = {
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  /** Milliseconds. */
  readonly startsAt: number
  readonly endsAt: number
  readonly generatorUrl: string
  /** It was posted without an end: this one is only how long it goes on unconfirmed. */
  readonly timeout: boolean
}
export type Posted = { readonly alerts: readonly PostedAlert[]; readonly faults: readonly string[] }

export const postLimits = { alerts: 20_000, names: 128, name: 1000, label: 4096, annotation: 64 << 10 } as const
const maxFaults = 10

/** Throws `alert.invalid` when the body is no list of alerts. */
export function readPosted(body: Uint8Array, now: number, resolveTimeoutMs: number): Posted {
  let list: unknown
  try {
    list = JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8'))
  } catch (cause) {
    throw invalid('the body is not JSON', cause)
  }
  if (!Array.isArray(list)) throw invalid('a list of alerts is expected')
  if (list.length > postLimits.alerts) throw invalid(`more than ${postLimits.alerts} alerts in one request`)
  const alerts: PostedAlert[] = []
  const faults: string[] = []
  for (let index = 0; index < list.length; index++) {
    const read = readOne(list[index], now, resolveTimeoutMs)
    if (typeof read !== 'string') alerts.push(read)
    else if (faults.length < maxFaults) faults.push(`alert ${index}: ${read}`)
    else if (faults.length === maxFaults) faults.push('and more')
  }
  return { alerts, faults }
}

const invalid = (message: string, cause?: unknown): InferwardError =>
  new InferwardError({ code: 'alert.invalid', message, cause })

function readOne(given: unknown, now: number, resolveTimeoutMs: number): PostedAlert | string {
  if (typeof given !== 'object' || given === null) return 'not an alert'
  const raw = given as Readonly<Record<string, unknown>>
  const labels = texts(raw.labels, 'label', postLimits.label)
  if (typeof labels === 'string') return labels
  let any = false
  for (const _ in labels) {
    any = true
    break
  }
  if (!any) return 'at least one label is needed'
  const annotations = texts(raw.annotations ?? {}, 'annotation', postLimits.annotation)
  if (typeof annotations === 'string') return annotations
  const start = instant(raw.startsAt)
  const end = instant(raw.endsAt)
  if (Number.isNaN(start) || Number.isNaN(end)) return 'startsAt and endsAt are times as RFC 3339 has them'
  const startsAt = start ?? end ?? now
  const endsAt = end ?? now + resolveTimeoutMs
  if (endsAt < startsAt) return 'start time must be before end time'
  const { generatorURL } = raw
  const generatorUrl = typeof generatorURL === 'string' ? generatorURL.slice(0, postLimits.label) : ''
  return { labels, annotations, startsAt, endsAt, generatorUrl, timeout: end === null }
}

/** A record of texts without empty labels; else what is wrong with it. */
function texts(
  given: unknown,
  what: 'label' | 'annotation',
  longest: number,
): Readonly<Record<string, string>> | string {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return `${what}s are names and texts`
  const record = given as Record<string, string>
  let count = 0
  let clean = true
  for (const name in record) {
    const value = record[name]
    if (typeof value !== 'string') return `${what} ${JSON.stringify(name.slice(0, 100))} is not a text`
    if (value.length > longest)
      return `${what} ${JSON.stringify(name.slice(0, 100))} has more than ${longest} characters`
    if (name === '' || name.length > postLimits.name) return `a ${what} name has 1 to ${postLimits.name} characters`
    if (value === '' && what === 'label') clean = false
    count++
  }
  if (count > postLimits.names) return `more than ${postLimits.names} ${what}s`
  if (Object.hasOwn(record, '__proto__')) return `a ${what} cannot be called __proto__`
  return clean ? record : Object.fromEntries(Object.entries(record).filter(([, value]) => value !== ''))
}

/** Null: not given, or Go's zero time. */
function instant(given: unknown): number | null {
  if (given === undefined || given === null || given === '') return null
  if (typeof given !== 'string' || !/^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d/.test(given)) return Number.NaN
  if (given.startsWith('0001-01-01')) return null
  return Date.parse(given)
}
