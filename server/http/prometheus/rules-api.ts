// Rules and alerts as the Prometheus API shows them. A rule has one field more than upstream's, `blind`; alerts and groups have exactly its
// fields, since their schemas are closed.

import { createHash } from 'node:crypto'
import type { Router } from 'express'
import type { AlertView, GroupView, RuleView } from '../../../core/rules/view.ts'
import { matcherTest } from '../../../core/series/matcher-test.ts'
import type { StoreClient } from '../../tsdb/store-client.ts'
import { number, sendData } from './answer.ts'
import { badData, matchParam, type Params } from './params.ts'
import { openRoutes } from './route.ts'
import { never, time } from './times.ts'

export function rulesApi({ store }: { readonly store: StoreClient }): Router {
  const { router, add } = openRoutes()
  add('/api/v1/rules', ['get'], async (params, response) => {
    const type = params.text('type') ?? ''
    if (!/^(?:|alert|record)$/.test(type)) throw badData(`not supported value ${JSON.stringify(type.slice(0, 100))}`)
    const wanted = (name: string, value: string): boolean =>
      params.all(name).length === 0 || params.all(name).includes(value)
    const selectors = matchParam(params, false).map((matchers) =>
      matchers.map((matcher) => ({ name: matcher.name, test: matcherTest(matcher) })),
    )
    const selected = (labels: Readonly<Record<string, string>>): boolean =>
      selectors.length === 0 ||
      selectors.some((matchers) =>
        matchers.every(({ name, test }) => test(Object.hasOwn(labels, name) ? labels[name]! : '')),
      )
    const withoutAlerts = flag(params, 'exclude_alerts')
    const page = pageParams(params)
    const shown = (await store.rules())
      .filter((group) => wanted('rule_group[]', group.name) && wanted('file[]', group.file))
      .map((group) => ({
        group,
        rules: group.rules
          .filter((rule) => type === '' || type === (rule.kind === 'alerting' ? 'alert' : 'record'))
          .filter((rule) => wanted('rule_name[]', rule.name))
          .filter((rule) => selected(rule.labels)),
      }))
      .filter(({ rules }) => rules.length > 0)
    const { groups, next } = pageOf(shown, page)
    sendData(response, {
      groups: groups.map(({ group, rules }) => ({
        ...groupJson(group),
        rules: rules.map((rule) => ruleJson(rule, withoutAlerts)),
      })),
      ...(next === null ? {} : { groupNextToken: next }),
    })
  })
  add('/api/v1/alerts', ['get'], async (_params, response) =>
    sendData(response, {
      alerts: (await store.rules()).flatMap((group) =>
        group.rules.flatMap((rule) => (rule.kind === 'alerting' ? rule.alerts.map(alertJson) : [])),
      ),
    }),
  )
  return router
}

function flag(params: Params, name: string): boolean {
  const text = params.text(name) ?? ''
  if (/^(?:|0|f|false)$/i.test(text)) return false
  if (/^(?:1|t|true)$/i.test(text)) return true
  throw badData(`invalid parameter "${name}": ${JSON.stringify(text.slice(0, 100))} is neither true nor false`)
}

type Page = { readonly limit: number; readonly token: string }

function pageParams(params: Params): Page {
  const text = params.text('group_limit') ?? ''
  const token = params.text('group_next_token') ?? ''
  if (text === '' && token !== '') throw badData('group_limit needs to be present in order to paginate over the groups')
  if (text === '') return { limit: 0, token }
  if (!/^\d{1,9}$/.test(text) || Number(text) === 0)
    throw badData('invalid parameter "group_limit": group_limit must be a number above zero')
  return { limit: Number(text), token }
}

type Shown = { readonly group: GroupView; readonly rules: readonly RuleView[] }

/** Groups from the one that the token names; the next page begins with the first group left out. */
function pageOf(shown: readonly Shown[], { limit, token }: Page) {
  if (limit === 0) return { groups: shown, next: null }
  const first = token === '' ? 0 : shown.findIndex(({ group }) => tokenOf(group) === token)
  if (first < 0)
    throw badData(`invalid group_next_token ${JSON.stringify(token.slice(0, 100))}: were rule groups changed?`)
  const after = shown[first + limit]
  return { groups: shown.slice(first, first + limit), next: after === undefined ? null : tokenOf(after.group) }
}

const tokenOf = ({ file, name }: GroupView): string => createHash('sha1').update(`${file};${name}`).digest('hex')

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
    ...(rule.lastError === '' ? {} : { lastError: rule.lastError }),
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
    value: goValue(alert.value),
  }
}

/** Alerts carry their value in Go's exponent form. */
function goValue(value: number): string {
  if (!Number.isFinite(value)) return number(value)
  return value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2')
}
