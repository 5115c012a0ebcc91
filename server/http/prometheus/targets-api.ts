// Targets as the Prometheus API shows them: those that are scraped, and the agents, which send by themselves: each host is up while it is heard.

import type { Router } from 'express'
import { formatDuration } from '../../../core/base/duration.ts'
import { redact } from '../../../core/base/redact.ts'
import { agentMetrics } from '../../../core/sample/catalogue-agent.ts'
import { engineMetrics } from '../../../core/sample/catalogue-engine.ts'
import { matcherTest } from '../../../core/series/matcher-test.ts'
import type { HostView } from '../../fleet/registry.ts'
import type { DroppedTargets, TargetView } from '../../remote/scraper.ts'
import { sendData } from './answer.ts'
import { badData, limitParam, type Params, selectorParam } from './params.ts'
import { openRoutes } from './route.ts'
import { time } from './times.ts'

const pool = 'agent'

export function targetsApi({
  hosts,
  targets,
  dropped,
  alertmanagers,
}: {
  readonly hosts: () => readonly HostView[]
  readonly targets: () => readonly TargetView[]
  readonly dropped: () => readonly DroppedTargets[]
  /** Bases of the Alertmanagers that alerts are forwarded to. */
  readonly alertmanagers: readonly string[]
}): Router {
  const { router, add } = openRoutes()
  const pools = (): readonly string[] => [...new Set([pool, ...[...targets(), ...dropped()].map(({ job }) => job)])]
  add('/api/v1/targets', ['get'], (params, response) => {
    const state = (params.text('state') ?? '').toLowerCase()
    const wanted = params.text('scrapePool') ?? ''
    const isWanted = (name: string): boolean => wanted === '' || wanted === name
    const agents = isWanted(pool) ? hosts().map(targetJson) : []
    const scraped = targets().filter(({ job }) => isWanted(job))
    const left = dropped().filter(({ job }) => isWanted(job))
    const counts = new Map(left.map(({ job, count }) => [job, count]))
    sendData(response, {
      activeTargets: state === 'dropped' ? [] : [...agents, ...scraped.map(scrapedJson)],
      droppedTargets:
        state === 'active'
          ? []
          : left.flatMap(({ job, discovered }) =>
              discovered.map((labels) => ({ discoveredLabels: labels, scrapePool: job })),
            ),
      droppedTargetCounts: Object.fromEntries(
        pools()
          .filter(isWanted)
          .map((name) => [name, counts.get(name) ?? 0]),
      ),
    })
  })
  add('/api/v1/scrape_pools', ['get'], (_params, response) => sendData(response, { scrapePools: pools() }))
  add('/api/v1/scrape_pools/config', ['get'], (params, response) => {
    const wanted = params.text('scrapePool') ?? ''
    if (wanted === '') throw badData('no scrapePool parameter provided')
    if (!pools().includes(wanted)) throw badData(`scrape pool ${JSON.stringify(wanted.slice(0, 100))} not found`)
    sendData(response, { yaml: `job_name: ${/^[a-z][\w-]*$/i.test(wanted) ? wanted : JSON.stringify(wanted)}\n` })
  })
  add('/api/v1/targets/metadata', ['get'], (params, response) => sendData(response, metadataOf(params, hosts())))
  const active = alertmanagers.map((base) => ({ url: redact(`${base.replace(/\/$/, '')}/api/v2/alerts`) }))
  add('/api/v1/alertmanagers', ['get'], (_params, response) =>
    sendData(response, { activeAlertmanagers: active, droppedAlertmanagers: [] }),
  )
  return router
}

const labelsOf = (host: HostView): Readonly<Record<string, string>> => ({ host: host.host, job: pool })

function targetJson(host: HostView) {
  const url = `agent://${host.host}`
  return {
    discoveredLabels: { __address__: host.host },
    labels: labelsOf(host),
    scrapePool: pool,
    scrapeUrl: url,
    globalUrl: url,
    lastError: host.contact === 'connected' ? '' : `agent ${host.contact}`,
    lastScrape: time(host.lastSeenAt),
    lastScrapeDuration: 0,
    health: host.contact === 'connected' ? 'up' : 'down',
    scrapeInterval: '1s',
    scrapeTimeout: '1s',
  }
}

function scrapedJson(target: TargetView) {
  return {
    discoveredLabels: target.discovered,
    labels: target.labels,
    scrapePool: target.job,
    scrapeUrl: target.url,
    globalUrl: target.url,
    lastError: target.lastError,
    lastScrape: time(target.lastScrape),
    lastScrapeDuration: target.lastDurationMs / 1000,
    health: target.health,
    scrapeInterval: formatDuration(target.intervalMs),
    scrapeTimeout: formatDuration(target.timeoutMs),
  }
}

/** Every metric that agents and their engines send, for every host that matches. The metric is named only where it was not asked for. */
function metadataOf(params: Params, hosts: readonly HostView[]) {
  const limit = limitParam(params)
  const tests = selectorParam(params, 'match_target').map(({ name, ...one }) => ({
    name,
    test: matcherTest({ name, ...one }),
  }))
  const wanted = params.text('metric') ?? ''
  const metrics = [...agentMetrics, ...engineMetrics].filter(({ name }) => wanted === '' || name === wanted)
  const rows: unknown[] = []
  for (const host of hosts) {
    const target = labelsOf(host)
    if (!tests.every(({ name, test }) => test(Object.hasOwn(target, name) ? target[name]! : ''))) continue
    for (const { name, type, help, unit } of metrics) {
      if (limit > 0 && rows.length >= limit) return rows
      const named = wanted === '' ? { metric: name } : {}
      rows.push({ target, ...named, type, help: help.en, unit: unit === 'none' ? '' : unit })
    }
  }
  return rows
}
