// Recorded cases of templates: what Go's own text/template, with the function sets of Prometheus and of Alertmanager, makes of a text. Data stand
// as JSON; what JSON cannot say is an object with one key that begins with `$`.

import { readFileSync } from 'node:fs'
import { InferwardError, isInferwardError } from '../../../../core/base/errors.ts'
import {
  keyValues,
  type NotificationData,
  notificationData,
} from '../../../../core/rules/gotemplate/alertmanager-data.ts'
import { alertmanagerFunctions } from '../../../../core/rules/gotemplate/alertmanager-functions.ts'
import { prometheusFunctions, prometheusPageFunctions } from '../../../../core/rules/gotemplate/prometheus-functions.ts'
import { parseTemplate } from '../../../../core/rules/gotemplate/template.ts'
import { time } from '../../../../core/rules/gotemplate/time-value.ts'
import { utc } from '../../../../core/rules/gotemplate/time-zone.ts'
import { type QuerySample, stringMap } from '../../../../core/rules/gotemplate/value.ts'

const sets = { prometheus: prometheusFunctions, alertmanager: alertmanagerFunctions }

export type RecordedCase = {
  /** Whose functions; those of the file when left out. */
  readonly set?: keyof typeof sets
  /** What the case is about, in words. */
  readonly shows?: string
  readonly text: string
  readonly data?: unknown
  /** What a map says for a key that it does not have; `zero` when left out. */
  readonly missing?: 'zero' | 'default' | 'error'
  /** The output is a page of HTML. */
  readonly html?: boolean
  /** What `query` answers, whatever it is asked. */
  readonly query?: readonly QuerySample[]
} & ({ readonly output: string } | { readonly error: string })

export type Corpus = { readonly data?: unknown; readonly cases: readonly RecordedCase[] }

export function readCorpus(name: string): Corpus {
  const {
    set,
    html = false,
    data,
    cases,
  } = JSON.parse(readFileSync(new URL(`corpus/${name}.json`, import.meta.url), 'utf8'))
  return { data, cases: cases.map((one: RecordedCase) => ({ set, html, ...one })) }
}

/** Saturday 24 November 2012, 11:14:12 UTC: the moment at which all cases were recorded. */
const nowMs = Date.UTC(2012, 10, 24, 11, 14, 12)
const externalUrl = 'http://testhost:9090/path/prefix'

/** The output, or `error: ` and its words. */
export function replay(one: RecordedCase, shared: unknown): string {
  const set = one.set ?? 'prometheus'
  const functions = set === 'prometheus' && one.html === true ? prometheusPageFunctions : sets[set]
  try {
    const template = parseTemplate(one.text, {
      name: 'test',
      functions,
      missingKey: one.missing ?? 'zero',
      html: one.html ?? false,
    })
    return template.execute(revive(one.data ?? shared), { nowMs, externalUrl, query: answer(one.query ?? []) })
  } catch (error) {
    if (!isInferwardError(error)) throw error
    // Go tells the line alone where a text is no template; the column is ours.
    const words =
      error.code === 'template.invalid' ? error.message.replace(/^(template: test:\d+):\d+/, '$1') : error.message
    return `error: ${words}`
  }
}

const answer =
  (samples: readonly QuerySample[]) =>
  (expression: string): readonly QuerySample[] => {
    if (expression === 'broken') throw new InferwardError({ code: 'test.away', message: 'the store is away' })
    return samples
  }

export const recorded = (one: RecordedCase): string => ('output' in one ? one.output : `error: ${one.error}`)

function revive(plain: unknown): unknown {
  if (typeof plain !== 'object' || plain === null) return plain
  if (Array.isArray(plain)) return plain.map(revive)
  const entries = Object.entries(plain)
  const [[name, value] = ['', null]] = entries
  switch (name) {
    case '$int':
      return BigInt(value as string)
    case '$float':
      return { '+Inf': Number.POSITIVE_INFINITY, '-Inf': Number.NEGATIVE_INFINITY, NaN: Number.NaN }[value as string]
    case '$alerts':
      return notification(value as Partial<NotificationData> & { readonly externalURL?: string })
    case '$strings':
      return stringMap(value as Record<string, string>)
    case '$kv':
      return keyValues(value as Record<string, string>)
    case '$time':
      return time({ nanoseconds: BigInt(value as string), zone: utc })
    default:
      return Object.fromEntries(entries.map(([key, item]) => [key, revive(item)]))
  }
}

/** The record of a webhook as the data of a notification. */
function notification(given: Partial<NotificationData> & { readonly externalURL?: string }): unknown {
  return notificationData({
    receiver: '',
    status: '' as 'firing',
    groupLabels: {},
    commonLabels: {},
    commonAnnotations: {},
    externalUrl: given.externalURL ?? '',
    ...given,
    alerts: (given.alerts ?? []).map((one) => {
      const { startsAt, endsAt, generatorURL } = one as unknown as Record<
        'startsAt' | 'endsAt' | 'generatorURL',
        string
      >
      return { ...one, startsAt: Date.parse(startsAt), endsAt: Date.parse(endsAt), generatorUrl: generatorURL }
    }),
  })
}
