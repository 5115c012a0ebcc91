// Federation: the newest sample of every selected series as a page for another server to scrape. Timestamps are the samples' own; series that
// ended are left out. Metrics are untyped, as Prometheus federates them.

import type { Router } from 'express'
import type { Clock } from '../../../core/base/clock.ts'
import type { LatestSample, StoreClient } from '../../tsdb/store-client.ts'
import { number, sendParts } from './answer.ts'
import type { QueryGate } from './gate.ts'
import { badData, matchParam } from './params.ts'
import { openRoutes } from './route.ts'

const lookbackMs = 300_000
const classicName = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/

export type FederateDeps = {
  readonly clock: Clock
  readonly store: StoreClient
  readonly gate: QueryGate
  readonly queryTimeoutMs: number
  readonly externalLabels: Readonly<Record<string, string>>
}

export function federateApi({ clock, store, gate, queryTimeoutMs, externalLabels }: FederateDeps): Router {
  const { router, add } = openRoutes()
  add('/federate', ['get'], async (params, response, request) => {
    const selectors = matchParam(params, false)
    if (selectors.length === 0) throw badData('no match[] parameter provided')
    const utf8 = /escaping=allow-utf-8/.test(request.headers.accept ?? '')
    await gate.run(queryTimeoutMs, response, async (place) => {
      const now = clock.now()
      const found = new Map<string, LatestSample>()
      for (const matchers of selectors) {
        for (const sample of await store.latest(matchers, now, lookbackMs))
          found.set(JSON.stringify(sample.labels), sample)
      }
      place.hold(found.size)
      const escaping = utf8 ? '; escaping=allow-utf-8' : ''
      response.set('content-type', `text/plain; version=${utf8 ? '1.0.0' : '0.0.4'}; charset=utf-8${escaping}`)
      await sendParts(response, pageOf([...found.values()], externalLabels, utf8), clock)
    })
  })
  return router
}

export function* pageOf(
  samples: readonly LatestSample[],
  externalLabels: Readonly<Record<string, string>>,
  utf8: boolean,
): Generator<string> {
  const rows = samples.map(({ labels, ...rest }) => ({ ...rest, labels: new Map(labels) }))
  const nameOf = (labels: ReadonlyMap<string, string>): string => labels.get('__name__') ?? ''
  rows.sort((a, b) => (nameOf(a.labels) < nameOf(b.labels) ? -1 : nameOf(a.labels) > nameOf(b.labels) ? 1 : 0))
  let last: string | null = null
  for (const { labels, time, value } of rows) {
    const name = nameOf(labels)
    labels.delete('__name__')
    for (const [label, text] of Object.entries(externalLabels)) if (!labels.has(label)) labels.set(label, text)
    // So that the reader, who honours labels, does not put its own instance there.
    if (!labels.has('instance')) labels.set('instance', '')
    const quoted = utf8 && !classicName.test(name)
    const shown = quoted ? JSON.stringify(name) : underscored(name)
    if (name !== last) yield `# TYPE ${shown} untyped\n`
    last = name
    const pairs = [...labels]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([label, text]) => {
        const plain = /^[a-zA-Z_][a-zA-Z0-9_]*$/.test(label)
        return `${plain ? label : utf8 ? JSON.stringify(label) : underscored(label)}="${escaped(text)}"`
      })
    yield `${quoted ? '' : shown}{${[...(quoted ? [shown] : []), ...pairs].join(',')}} ${number(value)} ${Math.round(time)}\n`
  }
}

const underscored = (name: string): string =>
  (name.match(/^[0-9]/) ? `_${name}` : name).replace(/[^a-zA-Z0-9_:]/gu, '_')
const escaped = (text: string): string => text.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n')
