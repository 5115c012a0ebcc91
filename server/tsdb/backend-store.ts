// The store as another server of the Prometheus API: queries, series and labels are asked of it, samples and what rules record are written to
// it. Nothing is kept here but the rules and their alerts.

import type { Clock } from '../../core/base/clock.ts'
import { errorText, InferwardError } from '../../core/base/errors.ts'
import type { Log } from '../../core/base/log.ts'
import { parseExpression } from '../../core/promql/expression.ts'
import { defaultLimits } from '../../core/promql/query.ts'
import { selectorText } from '../../core/promql/selector-text.ts'
import { parseRuleFile } from '../../core/rules/rule-file.ts'
import { decodeWriteRequest, encodeWriteRequest } from '../../core/sample/remote-write.ts'
import type { SeriesSamples } from '../../core/sample/sample.ts'
import { decodeWrite2 } from '../../core/sample/write-2.ts'
import type { AppendRefusal, Labels, Matcher } from '../../core/series/seam.ts'
import { cardinalityIn, labelSetsOf, resultOf, wordsOf } from './backend-answer.ts'
import type { BackendClient, Pairs } from './backend-client.ts'
import { prepareGroup } from './backend-rules.ts'
import type { LocalStore } from './local-store.ts'
import { openRuleRunner } from './rule-runner.ts'
import type { InstantRequest, LatestSample, SeriesRequest } from './store-client.ts'

export type BackendStoreDeps = {
  readonly clock: Clock
  readonly log: Log
  readonly client: BackendClient
  /** Samples are refused by name, and what rules record is not kept. */
  readonly readOnly: boolean
  readonly externalLabels: Readonly<Record<string, string>>
  readonly defaultIntervalMs: number
  readonly rulesReady: () => boolean
}

const ruleTimeoutMs = 10_000
const askTimeoutMs = 30_000
/** What rules recorded and the backend did not take yet; more is dropped and counted. */
const maxUnsent = 100_000

export function backendStore(deps: BackendStoreDeps): LocalStore {
  const { clock, log, client } = deps
  let samples = 0
  let refusals = 0
  let unsent: SeriesSamples[] = []
  let sending: Promise<void> | null = null

  const seconds = (ms: number): string => String(ms / 1000)
  const ask = async (text: string, time: number, timeoutMs: number) =>
    resultOf(await client.ask('query', queryPairs({ query: text, timeoutMs, lookbackMs: null }, time), timeoutMs), time)

  const send = async (): Promise<void> => {
    // One body for everything that was written in this turn.
    await Promise.resolve()
    while (unsent.length > 0) {
      const batch = unsent
      unsent = []
      try {
        const words = await client.write(new Uint8Array(encodeWriteRequest(batch)), askTimeoutMs)
        if (words === null) {
          samples += batch.length
          continue
        }
        refusals += batch.length
        log.warn('the backend refused what rules recorded', { said: words })
      } catch (error) {
        refusals += batch.length
        log.warn('what rules recorded could not be written', { error: errorText(error) })
      }
    }
  }
  const write = (labels: Labels, time: number, value: number, stale: boolean): AppendRefusal | null => {
    if (deps.readOnly || unsent.length >= maxUnsent) {
      refusals++
      return null
    }
    unsent.push({ labels, times: [time], values: [value], stale: [stale] })
    sending ??= send().finally(() => {
      sending = null
    })
    return null
  }

  const has = async (matchers: readonly Matcher[], from: number, to: number): Promise<boolean> => {
    const selector = selectorText(matchers)
    const spanMs = Math.max(1, to - from)
    // A plain selector knows of series that ended; a range does not.
    const text = spanMs === defaultLimits.lookbackMs ? selector : `last_over_time(${selector}[${spanMs}ms])`
    const result = await ask(`count(${text})`, to, ruleTimeoutMs)
    return result.type === 'vector' && result.samples.length > 0
  }
  const runner = openRuleRunner({
    clock,
    log,
    defaultIntervalMs: deps.defaultIntervalMs,
    externalLabels: deps.externalLabels,
    ready: deps.rulesReady,
    prepare: async (group, at) => {
      await sending
      return prepareGroup(group, at, { query: (text, time) => ask(text, time, ruleTimeoutMs), has })
    },
    query: (text) => {
      throw new InferwardError({ code: 'backend.not_asked', message: `no answer for ${text.slice(0, 200)}` })
    },
    has: () => true,
    write,
  })

  const spanPairs = ({ selectors, from, to }: SeriesRequest): Pairs => [
    ...selectors.map((matchers) => ['match[]', selectorText(matchers)] as const),
    ...(Number.isFinite(from) ? [['start', seconds(from)] as const] : []),
    ...(Number.isFinite(to) ? [['end', seconds(to)] as const] : []),
  ]

  return {
    recover: async () => {},
    start: () => runner.start(),
    async stop() {
      await runner.stop()
      await sending
    },
    async append(body, kind = 'write') {
      let count = 0
      // Not every backend understands 2.0.
      // A view is copied: the backend's answer is waited for.
      const bytes = new Uint8Array(kind === 'write' ? body : encodeWriteRequest(decodeWrite2(new Uint8Array(body))))
      decodeWriteRequest(bytes, {
        series: () => {},
        sample: () => {
          count++
        },
      })
      if (deps.readOnly) {
        refusals += count
        return { samples: 0, refused: { read_only: count } }
      }
      const words = await client.write(bytes, askTimeoutMs)
      if (words === null) {
        samples += count
        return { samples: count, refused: {} }
      }
      // The backend says only what was wrong, not with how many: all are told as refused, though others may have been taken.
      refusals += count
      log.warn('the backend refused samples', { said: words })
      return { samples: 0, refused: { [reasonOf(words)]: count } }
    },
    async latest(matchers, time, lookbackMs) {
      const selector = selectorText(matchers)
      const [live, all] = await Promise.all([
        ask(selector, time, askTimeoutMs),
        ask(`${selector}[${lookbackMs}ms]`, time, askTimeoutMs),
      ])
      // A range holds series that ended as well: those that a plain selector still shows have not.
      const known = new Set(live.type === 'vector' ? live.samples.map(({ labels }) => JSON.stringify(labels)) : [])
      const series = all.type === 'matrix' ? all.series : []
      return series
        .filter(({ labels, times }) => times.length > 0 && known.has(JSON.stringify(labels)))
        .map(({ labels, times, values }): LatestSample => ({ labels, time: times.at(-1)!, value: values.at(-1)! }))
    },
    async query(request) {
      return resultOf(await client.ask('query', queryPairs(request, request.time), request.timeoutMs), request.time)
    },
    async queryRange(request) {
      const range = [
        ['start', seconds(request.start)],
        ['end', seconds(request.end)],
        ['step', seconds(request.stepMs)],
      ] as const
      return resultOf(await client.ask('query_range', [...queryPairs(request, null), ...range], request.timeoutMs))
    },
    series: async (request) => labelSetsOf(await client.ask('series', spanPairs(request), askTimeoutMs)),
    labelNames: async (request) => wordsOf(await client.ask('labels', spanPairs(request), askTimeoutMs)),
    labelValues: async (name, request) =>
      wordsOf(await client.ask(`label/${labelPath(name)}/values`, spanPairs(request), askTimeoutMs, 'GET')),
    async loadRules(files, restored, resumeFrom) {
      runner.load(
        files.flatMap(({ file, text }) => parseRuleFile(file, text, parseExpression)),
        restored,
        resumeFrom,
      )
    },
    rules: async () => runner.views(),
    subscribe: (listener) => runner.subscribe(listener),
    // What lies in the backend is not counted here.
    stats: async () => ({
      series: Number.NaN,
      samples,
      refused: refusals,
      minTime: Number.NaN,
      maxTime: Number.NaN,
      rules: runner.stats(),
    }),
    async cardinality(limit) {
      const answer = await client.ask('status/tsdb', [['limit', String(limit)]], askTimeoutMs, 'GET')
      return cardinalityIn(answer)
    },
  }

  function queryPairs(request: Pick<InstantRequest, 'query' | 'timeoutMs' | 'lookbackMs'>, time: number | null): Pairs {
    return [
      ['query', request.query],
      ['timeout', `${Math.max(1, Math.round(request.timeoutMs))}ms`],
      ...(time === null ? [] : [['time', seconds(time)] as const]),
      ...(request.lookbackMs === null ? [] : [['lookback_delta', `${request.lookbackMs}ms`] as const]),
    ]
  }
}

/** In Prometheus' escaped form where the name is not of the classic set. */
function labelPath(name: string): string {
  if (/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name)) return name
  const escaped = [...name].map((one) =>
    one === '_' ? '__' : /[a-zA-Z0-9]/.test(one) ? one : `_${one.codePointAt(0)!.toString(16)}_`,
  )
  return `U__${escaped.join('')}`
}

function reasonOf(words: string): AppendRefusal {
  if (/out.of.order/i.test(words)) return 'out_of_order'
  if (/too old/i.test(words)) return 'too_old'
  if (/out.of.bounds|too far/i.test(words)) return 'out_of_bounds'
  if (/duplicate/i.test(words)) return 'duplicate'
  return /limit/i.test(words) ? 'series_limit' : 'invalid_labels'
}
