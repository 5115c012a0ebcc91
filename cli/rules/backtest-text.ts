// What came of a backtest, as a person reads it: every alert with its times, then every rule with its counts.

import { formatDuration } from '../../core/base/duration.ts'
import type { BacktestResult, Episode } from '../../core/rules/backtest/source.ts'
import { seriesText } from '../../core/rules/unit-test/outcome.ts'
import { type Language, say } from '../language.ts'
import { table } from '../output.ts'

export function backtestText({ from, to, rules, episodes, unlisted }: BacktestResult, lang: Language): string {
  const moment = (at: number): string => new Date(at).toISOString().replace(/\.\d+Z$/, 'Z')
  const length = ({ firedAt, endedAt }: Episode): string => formatDuration(roughly((endedAt ?? to) - firedAt))
  const fired = table(episodes, [
    { title: 'FIRED', value: ({ firedAt }) => moment(firedAt) },
    { title: 'FOR', value: (one) => (one.endedAt === null ? `${length(one)} …` : length(one)) },
    { title: 'PENDING', value: ({ pendingAt, firedAt }) => formatDuration(firedAt - pendingAt) },
    { title: 'ALERT', value: ({ labels }) => seriesText(labels) },
  ])
  const counts = table(rules, [
    { title: 'RULE', value: ({ rule }) => rule },
    { title: 'FIRED', value: ({ kind, fired }) => (kind === 'alerting' ? fired : null) },
    { title: 'PENDING ONLY', value: ({ kind, pendingOnly }) => (kind === 'alerting' ? pendingOnly : null) },
    {
      title: 'FIRING',
      value: ({ kind, firingMs }) => (kind === 'alerting' ? formatDuration(roughly(firingMs)) : null),
    },
    { title: 'SERIES', value: ({ kind, series }) => (kind === 'recording' ? series : null) },
    { title: 'BLIND', value: ({ blind, evaluations }) => part(blind, evaluations) },
    { title: 'FAILED', value: ({ failures, evaluations }) => part(failures, evaluations) },
    { title: 'ERROR', value: ({ lastError }) => lastError || null },
  ])
  const quiet = say(lang, { en: 'Nothing would have fired.', zh: '不会触发任何告警。' })
  const more = say(lang, { en: `and ${unlisted} more`, zh: `另有 ${unlisted} 条` })
  const span = say(lang, {
    en: `From ${moment(from)} to ${moment(to)}; alerts begin as none.`,
    zh: `从 ${moment(from)} 到 ${moment(to)};起始时没有任何告警。`,
  })
  return [episodes.length === 0 ? quiet : fired, ...(unlisted > 0 ? [more] : []), '', counts, '', span].join('\n')
}

/** To the second, but for what is shorter. */
const roughly = (ms: number): number => (ms < 1000 ? ms : Math.round(ms / 1000) * 1000)

function part(count: number, of: number): string {
  if (count === 0) return '0'
  return `${count} (${((count / of) * 100).toFixed(1)} %)`
}
