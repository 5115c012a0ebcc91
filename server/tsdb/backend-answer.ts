// What another server of the Prometheus API answered, in the shapes of our own store. Nothing in it is believed: what has another shape is one
// named fault. Native histograms have no place in our results yet: they are left out, and a warning says how many.

import { InferwardError } from '../../core/base/errors.ts'
import type { Labels } from '../../core/sample/sample.ts'
import type { BackendAnswer } from './backend-client.ts'
import type { Cardinality, Count, QueryAnswer } from './store-client.ts'

const malformed = (what: string): InferwardError =>
  new InferwardError({
    code: 'backend.malformed',
    message: `the backend's answer is not of the Prometheus API: ${what}`,
  })

/** `time`: the moment that was asked for, milliseconds; an empty vector does not say it. */
export function resultOf({ data, warnings, infos }: BackendAnswer, time = 0): QueryAnswer {
  const { resultType, result } = fields(data, 'data')
  let histograms = 0
  const rows = (): readonly Record<string, unknown>[] =>
    list(result, 'result').flatMap((one) => {
      const row = fields(one, 'result')
      const left = Object.hasOwn(row, 'histogram') || Object.hasOwn(row, 'histograms')
      if (left) histograms++
      return left && row.value === undefined && row.values === undefined ? [] : [row]
    })
  const notes = () => {
    const told = histograms === 0 ? warnings : [...warnings, `${histograms} series of native histograms were left out`]
    return { ...(told.length > 0 ? { warnings: told } : {}), ...(infos.length > 0 ? { infos } : {}) }
  }
  switch (resultType) {
    case 'scalar': {
      const [at, value] = point(result)
      return { type: 'scalar', time: at, value, ...notes() }
    }
    case 'string': {
      const [at, value] = list(result, 'string')
      return { type: 'string', time: seconds(at), value: String(value), ...notes() }
    }
    case 'vector': {
      const samples = rows().map(({ metric, value }) => ({ labels: labelsIn(metric), value: point(value)[1] }))
      return { type: 'vector', time, samples, ...notes() }
    }
    case 'matrix': {
      const series = rows().map(({ metric, values }) => {
        const points = list(values, 'values').map(point)
        return {
          labels: labelsIn(metric),
          times: Float64Array.from(points, ([time]) => time),
          values: Float64Array.from(points, ([, value]) => value),
        }
      })
      return { type: 'matrix', series, ...notes() }
    }
    default:
      throw malformed(`resultType ${String(resultType).slice(0, 40)}`)
  }
}

export const labelSetsOf = ({ data }: BackendAnswer): readonly Labels[] => list(data, 'data').map(labelsIn)

export const wordsOf = ({ data }: BackendAnswer): readonly string[] =>
  list(data, 'data').map((one) => {
    if (typeof one !== 'string') throw malformed('a list of texts is needed')
    return one
  })

/** Series, and the tables behind them, from `status/tsdb`; what the backend leaves out is empty. */
export function cardinalityIn({ data }: BackendAnswer): Cardinality {
  const all = fields(data, 'data')
  const table = (name: string): readonly Count[] =>
    Array.isArray(all[name])
      ? all[name].flatMap((one: unknown) => {
          const { name: of, value } = Object(one) as { name?: unknown; value?: unknown }
          return typeof of === 'string' && Number.isFinite(value) ? [{ name: of, value: Number(value) }] : []
        })
      : []
  const head = Object(all.headStats) as Record<string, unknown>
  const count = (value: unknown): number => (Number.isFinite(value) ? Number(value) : 0)
  return {
    series: count(head.numSeries ?? all.totalSeries),
    labelPairs: count(head.numLabelPairs ?? all.totalLabelValuePairs),
    seriesByMetric: table('seriesCountByMetricName'),
    valuesByLabel: table('labelValueCountByLabelName'),
    bytesByLabel: table('memoryInBytesByLabelName'),
    seriesByPair: table('seriesCountByLabelValuePair'),
  }
}

function fields(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformed(`${what} is no object`)
  return value as Record<string, unknown>
}

function list(value: unknown, what: string): readonly unknown[] {
  // Go writes an empty list as null at times.
  if (value === null) return []
  if (!Array.isArray(value)) throw malformed(`${what} is no list`)
  return value
}

function labelsIn(value: unknown): Labels {
  const pairs = Object.entries(fields(value, 'metric')).map(([name, text]) => {
    if (typeof text !== 'string') throw malformed(`label ${name} is no text`)
    return [name, text] as const
  })
  return pairs.sort(([a], [b]) => (a < b ? -1 : 1))
}

function point(value: unknown): readonly [time: number, value: number] {
  const [time, text] = list(value, 'sample')
  if (typeof text !== 'string') throw malformed('a value is no text')
  return [seconds(time), numberOf(text)]
}

function seconds(value: unknown): number {
  if (typeof value !== 'number' || !Number.isFinite(value)) throw malformed('a time is no number')
  return Math.round(value * 1000)
}

function numberOf(text: string): number {
  if (text === '+Inf' || text === 'Inf') return Number.POSITIVE_INFINITY
  if (text === '-Inf') return Number.NEGATIVE_INFINITY
  if (text === 'NaN') return Number.NaN
  const number = Number(text)
  if (text === '' || Number.isNaN(number)) throw malformed(`value ${JSON.stringify(text.slice(0, 40))}`)
  return number
}
