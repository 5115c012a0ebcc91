// Objectives to Prometheus rules. Numbers of requests are recorded every five minutes, each request in one of them, and long windows are sums
// of these: a month of a busy fleet is a few thousand samples then, and every request weighs the same. Requests without a single good one
// count as bad, though no series of good ones exists.

import { stringify } from 'yaml'
import { formatDuration } from '../../core/base/duration.ts'
import type { Slo } from './config.ts'
import { burns } from './windows.ts'

export const stepMs = 300_000
/** Samples that come later than this do not count. */
const lateMs = 60_000
/** Windows up to here are read from the counters themselves. */
const rawMs = 2 * 3_600_000

export const names = {
  requests: 'slo:requests:increase5m',
  bad: 'slo:bad_requests:increase5m',
  errorRatio: 'slo:error_ratio',
  budgetLeft: 'slo:error_budget_left:ratio',
} as const

/** Where the rules come from, as rule lists show it. */
export const rulesFile = 'slos'

/** A rule file, or null when there is no objective. */
export function sloRules(slos: readonly Slo[]): { readonly file: string; readonly text: string } | null {
  if (slos.length === 0) return null
  return {
    file: rulesFile,
    text: stringify({ groups: slos.flatMap(groups) }, { lineWidth: 0, aliasDuplicateObjects: false }),
  }
}

function groups(slo: Slo): readonly object[] {
  return [
    {
      name: `slo ${slo.name} requests`,
      interval: formatDuration(stepMs),
      query_offset: formatDuration(lateMs),
      rules: [...counts(slo), budgetLeft(slo), spent(slo)],
    },
    { name: `slo ${slo.name} burn`, rules: [...errorRatios(slo), ...alerts(slo)] },
  ]
}

const own = (slo: Slo): string => `{slo="${slo.name}"}`
const sum = (slo: Slo, call: string, selector: string, window: string): string =>
  `sum by (${slo.by.join(', ')}) (${call}(${selector}[${window}]))`
/** Good ones of all labels that have requests, 0 where none was ever seen. */
const good = (slo: Slo, call: string, window: string): string =>
  `(${sum(slo, call, slo.good, window)} or 0 * ${sum(slo, call, slo.total, window)})`

function counts(slo: Slo): readonly object[] {
  const window = formatDuration(stepMs)
  const total = sum(slo, 'increase', slo.total, window)
  const labels = { slo: slo.name }
  return [
    { record: names.requests, expr: total, labels },
    // Two counters read a moment apart can say more good ones than there were.
    { record: names.bad, expr: `clamp_min(${total} - ${good(slo, 'increase', window)}, 0)`, labels },
  ]
}

function budgetLeft(slo: Slo): object {
  const ratio = recordedRatio(slo, formatDuration(slo.window))
  return { record: names.budgetLeft, expr: `1 - (${ratio}) / ${allowed(slo)}`, labels: { slo: slo.name } }
}

const recordedRatio = (slo: Slo, window: string): string =>
  `sum_over_time(${names.bad}${own(slo)}[${window}]) / (sum_over_time(${names.requests}${own(slo)}[${window}]) > 0)`

/** Share of requests that may be bad; of decimal digits, not of binary ones. */
const allowed = (slo: Slo): number => Number(((100 - slo.target) / 100).toPrecision(12))

function errorRatios(slo: Slo): readonly object[] {
  const windows = new Set(burns(slo.window).flatMap((one) => [one.shortMs, one.longMs]))
  return [...windows]
    .sort((a, b) => a - b)
    .map((ms) => {
      const window = formatDuration(ms)
      const total = sum(slo, 'rate', slo.total, window)
      const expr =
        ms <= rawMs ? `clamp_min(1 - ${good(slo, 'rate', window)} / (${total} > 0), 0)` : recordedRatio(slo, window)
      return { record: names.errorRatio, expr, labels: { slo: slo.name, window } }
    })
}

function alerts(slo: Slo): readonly object[] {
  return burns(slo.window).map(({ longMs, shortMs, factor, severity }) => {
    const [long, short] = [formatDuration(longMs), formatDuration(shortMs)]
    const above = (window: string): string =>
      `${names.errorRatio}{slo="${slo.name}", window="${window}"} > ${Number((factor * allowed(slo)).toPrecision(12))}`
    // Over no less than this, or no number of requests would lie in it most of the time.
    const counted = formatDuration(Math.max(longMs, 2 * stepMs))
    const enough =
      slo.min_requests === 0
        ? ''
        : ` and ignoring (window) sum_over_time(${names.requests}${own(slo)}[${counted}]) >= ${slo.min_requests}`
    return {
      alert: 'ErrorBudgetBurn',
      expr: `${above(long)} and ignoring (window) ${above(short)}${enough}`,
      labels: { severity, slo: slo.name, window: long },
      annotations: {
        summary: `SLO ${slo.name}${of(slo)} uses up its error budget ${factor} times as fast as it may or faster: {{ $value | humanizePercentage }} of requests were bad in ${long}`,
        summary_zh: `SLO ${slo.name}${of(slo)} 正以允许速度的 ${factor} 倍或更快消耗错误预算:最近 ${long} 有 {{ $value | humanizePercentage }} 的请求不达标`,
        description: `${slo.description === '' ? '' : `${literal(slo.description)} `}Target ${slo.target} % over ${formatDuration(slo.window)}. At this rate the budget of the whole window lasts ${formatDuration(rounded(slo.window / factor))} at most.`,
        description_zh: `${slo.description === '' ? '' : `${literal(slo.description)} `}目标:${formatDuration(slo.window)} 内达标率 ${slo.target} %。照此速度,整个窗口的错误预算最多支撑 ${formatDuration(rounded(slo.window / factor))}。`,
        runbook_url: 'alerts/runbooks/ErrorBudgetBurn.md',
      },
    }
  })
}

function spent(slo: Slo): object {
  return {
    alert: 'ErrorBudgetSpent',
    expr: `${names.budgetLeft}${own(slo)} <= 0`,
    labels: { severity: 'warning', slo: slo.name },
    annotations: {
      summary: `SLO ${slo.name}${of(slo)} has no error budget left`,
      summary_zh: `SLO ${slo.name}${of(slo)} 的错误预算已用完`,
      description: `More than ${Number(allowed(slo) * 100).toPrecision(4)} % of the requests of ${formatDuration(slo.window)} were bad. Budget left: {{ $value | humanizePercentage }}.`,
      description_zh: `${formatDuration(slo.window)} 内不达标的请求超过 ${Number(allowed(slo) * 100).toPrecision(4)} %。剩余预算:{{ $value | humanizePercentage }}。`,
      runbook_url: 'alerts/runbooks/ErrorBudgetSpent.md',
    },
  }
}

const of = (slo: Slo): string => slo.by.map((label) => ` {{ $labels.${label} }}`).join('')
const rounded = (ms: number): number => Math.round(ms / 60_000) * 60_000
/** Text that is no template. */
const literal = (text: string): string => text.replaceAll('{{', '{{ "{{" }}')
