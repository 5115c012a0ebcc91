// What the Prometheus API tells of the server itself: rules, alerts, targets, versions, flags. Shapes are upstream's; where a thing has no
// meaning here the answer is empty, never invented.

import * as os from 'node:os'
import express, { type Router } from 'express'
import { goExponent } from '../../../core/rules/number.ts'
import type { AlertView, GroupView, RuleView } from '../../../core/rules/view.ts'
import type { HostView } from '../../fleet/registry.ts'
import type { StoreClient } from '../../tsdb/store-client.ts'
import { sendData, sendFault } from './answer.ts'
import { paramsOf } from './params.ts'

export type StatusApiDeps = {
  readonly store: StoreClient
  readonly version: string
  readonly startedAt: number
  readonly now: () => number
  /** The configuration in force, secrets cut. */
  readonly configText: () => string
  readonly hosts: () => readonly HostView[]
}
const time = (ms: number): string => new Date(ms).toISOString()
const never = '0001-01-01T00:00:00Z'

export function statusApi(deps: StatusApiDeps): Router {
  const api = express.Router()
  const get = (path: string, data: (params: ReturnType<typeof paramsOf>) => unknown): void => {
    api.get(`/api/v1/${path}`, async (request, response) => {
      try {
        sendData(response, await data(paramsOf(request)))
      } catch (error) {
        sendFault(response, error)
      }
    })
  }

  get('rules', async (params) => {
    const type = params.text('type')
    const wanted = (name: string, value: string): boolean =>
      params.all(name).length === 0 || params.all(name).includes(value)
    const groups = (await deps.store.rules()).map((group) => ({
      ...groupJson(group),
      rules: group.rules
        .filter((rule) => type === undefined || type === (rule.kind === 'alerting' ? 'alert' : 'record'))
        .filter((rule) => wanted('rule_name[]', rule.name))
        .map((rule) => ruleJson(rule, params.text('exclude_alerts') === 'true')),
    }))
    return {
      groups: groups.filter(
        (group) => group.rules.length > 0 && wanted('rule_group[]', group.name) && wanted('file[]', group.file),
      ),
    }
  })
  get('alerts', async () => ({
    alerts: (await deps.store.rules()).flatMap((group) =>
      group.rules.flatMap((rule) => (rule.kind === 'alerting' ? rule.alerts.map(alertJson) : [])),
    ),
  }))
  get('targets', (params) => ({
    activeTargets: params.text('state') === 'dropped' ? [] : deps.hosts().map(targetJson),
    droppedTargets: [],
    droppedTargetCounts: {},
  }))
  get('alertmanagers', () => ({ activeAlertmanagers: [], droppedAlertmanagers: [] }))
  // Grafana takes a server with `features` for Mimir and asks it for a ruler: there are none here.
  get('status/buildinfo', () => ({
    version: deps.version,
    revision: '',
    branch: '',
    buildUser: '',
    buildDate: '',
    goVersion: '',
  }))
  get('status/config', () => ({ yaml: deps.configText() }))
  get('status/flags', () => ({}))
  get('status/runtimeinfo', () => ({
    startTime: time(deps.startedAt),
    CWD: '',
    hostname: os.hostname(),
    serverTime: time(deps.now()),
    reloadConfigSuccess: true,
    lastConfigTime: time(deps.startedAt),
    corruptionCount: 0,
    goroutineCount: 0,
    GOMAXPROCS: os.availableParallelism(),
    GOMEMLIMIT: 0,
    GOGC: '',
    GODEBUG: '',
    storageRetention: '',
  }))
  get('status/tsdb', async () => {
    const stats = await deps.store.stats()
    return {
      headStats: {
        numSeries: stats.series,
        numLabelPairs: 0,
        chunkCount: 0,
        minTime: Number.isFinite(stats.minTime) ? stats.minTime : 0,
        maxTime: Number.isFinite(stats.maxTime) ? stats.maxTime : 0,
      },
      seriesCountByMetricName: [],
      labelValueCountByLabelName: [],
      memoryInBytesByLabelName: [],
      seriesCountByLabelValuePair: [],
    }
  })
  get('notifications', () => [])
  return api
}

/** Agents send by themselves: each is a target that is up while it is heard. */
function targetJson({ host, contact, lastSeenAt }: HostView) {
  const url = `agent://${host}`
  return {
    discoveredLabels: { __address__: host },
    labels: { host, job: 'agent' },
    scrapePool: 'agent',
    scrapeUrl: url,
    globalUrl: url,
    lastError: contact === 'connected' ? '' : `agent ${contact}`,
    lastScrape: time(lastSeenAt),
    lastScrapeDuration: 0,
    health: contact === 'connected' ? 'up' : 'down',
    scrapeInterval: '1s',
    scrapeTimeout: '1s',
  }
}

function groupJson(group: GroupView) {
  return {
    name: group.name,
    file: group.file,
    interval: group.intervalMs / 1000,
    limit: group.limit,
    evaluationTime: group.evaluationSeconds,
    lastEvaluation: group.lastEvaluationAt === null ? never : time(group.lastEvaluationAt),
  }
}

function ruleJson(rule: RuleView, withoutAlerts: boolean) {
  const common = {
    name: rule.name,
    query: rule.query,
    labels: rule.labels,
    health: rule.health,
    lastError: rule.lastError,
    evaluationTime: rule.evaluationSeconds,
    lastEvaluation: rule.lastEvaluationAt === null ? never : time(rule.lastEvaluationAt),
  }
  if (rule.kind === 'recording') return { ...common, type: 'recording' }
  return {
    ...common,
    type: 'alerting',
    state: rule.state,
    duration: rule.forMs / 1000,
    keepFiringFor: rule.keepFiringForMs / 1000,
    annotations: rule.annotations,
    /** Ours: the rule's data is missing, so it says neither yes nor no. */
    blind: rule.blind,
    alerts: withoutAlerts ? [] : rule.alerts.map(alertJson),
  }
}

function alertJson(alert: AlertView) {
  return {
    labels: alert.labels,
    annotations: alert.annotations,
    state: alert.state,
    activeAt: time(alert.activeAt),
    ...(alert.keepFiringSince === null ? {} : { keepFiringSince: time(alert.keepFiringSince) }),
    value: goExponent(alert.value),
  }
}
