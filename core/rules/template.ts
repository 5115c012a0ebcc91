// Labels and annotations of alerts with `{{ … }}`: Go's templates with Prometheus' functions and its `$labels`, `$value`, `$externalLabels` and
// `$externalURL`. A text that is no template is refused when the file is read; what goes wrong when an alert fires is told in its text, as
// Prometheus does, and breaks neither the rule nor the other texts.

import { errorText } from '../base/errors.ts'
import { defaultLimits } from './gotemplate/budget.ts'
import { prometheusFunctions } from './gotemplate/prometheus-functions.ts'
import { parseTemplate } from './gotemplate/template.ts'
import { stringMap, struct } from './gotemplate/value.ts'
import { type LabelRecord, toRecord } from './labels.ts'
import type { VectorSample } from './query.ts'

/** What belongs to the evaluation and not to one alert. */
export type TemplateScope = {
  /** The moment of the evaluation, milliseconds: `now`, and when `query` looks. */
  readonly at?: number
  /** Answers `query`; throws when it cannot. Left out: the function is an error. */
  readonly query?: (expression: string) => readonly VectorSample[]
  readonly externalUrl?: string
}
export type TemplateData = TemplateScope & {
  readonly labels: LabelRecord
  readonly value: number
  readonly externalLabels: LabelRecord
}
export type Template = (data: TemplateData) => string

const prelude =
  '{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}{{$externalURL := .ExternalURL}}{{$value := .Value}}'
const dataType =
  'struct { Labels map[string]string; ExternalLabels map[string]string; ExternalURL string; Value interface {} }'
/** Characters of an error inside a text. */
const longestError = 1000

/** Compiles once; the result never throws, and gives at most 64 KiB. Throws `template.invalid` with the position in `text`. `name` stands in
 * errors; Prometheus' is `__alert_` and the alert's name. */
export function compileTemplate(text: string, name = ''): Template {
  if (!text.includes('{{')) return () => text
  const template = parseTemplate(text, { name, prelude, functions: prometheusFunctions })
  return ({ labels, value, externalLabels, at, query, externalUrl = '' }) => {
    let written = ''
    try {
      return template.execute(
        struct(dataType, {
          Labels: stringMap(labels),
          ExternalLabels: stringMap(externalLabels),
          ExternalURL: externalUrl,
          Value: value,
        }),
        {
          externalUrl,
          ...(at === undefined ? {} : { nowMs: at }),
          ...(query === undefined ? {} : { query: (expression) => query(expression).map(toSample) }),
        },
        (partial) => {
          written = partial
        },
      )
    } catch (error) {
      if (written.length >= defaultLimits.output) return `${written}…`
      const words = errorText(error)
      const shown = words.length > longestError ? `${words.slice(0, longestError)}…` : words
      return `<error expanding template: error executing template ${name}: ${shown}>`
    }
  }
}

const toSample = ({ labels, value }: VectorSample) => ({ labels: toRecord(labels), value })
