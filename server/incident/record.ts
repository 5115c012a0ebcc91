// An incident as readers get it: JSON over HTTP, and the source of the Markdown page. Made from what was gathered at the moment of reading.

import type { EventKind, Evidence } from '../../core/event/event.ts'
import type { Severity } from './entry.ts'
import { type Gathered, resolvedAt } from './incident.ts'
import {
  actionWords,
  causeWords,
  durationWords,
  eventWords,
  principalWords,
  refusalWords,
  twin,
  type Words,
} from './words.ts'

/** Without its timeline: what a list shows. Times are wall milliseconds; null = has not happened, or nobody saw it. */
export type IncidentSummary = {
  readonly id: string
  readonly host: string
  readonly engine: string | null
  readonly openedAt: number
  readonly closedAt: number | null
  /** Cause of the first fault, else the alert's name, else `action_failed`. */
  readonly cause: string
  readonly severity: Severity
  readonly summary: Words
  readonly counts: {
    readonly faults: number
    readonly alerts: number
    readonly actions: number
    readonly failed: number
    readonly refused: number
    readonly sent: number
    readonly unsent: number
  }
  readonly times: {
    readonly detectedAt: number
    readonly actedAt: number | null
    /** When a real inference proved the last start. */
    readonly verifiedAt: number | null
    readonly notifiedAt: number | null
    /** When the last of its alerts was resolved. */
    readonly resolvedAt: number | null
  }
}

export type TimelineLine = {
  readonly at: number
  readonly kind: EventKind
  readonly words: Words
  readonly evidence?: readonly Evidence[]
}

export type Incident = IncidentSummary & {
  readonly detail: string
  readonly detailZh: string
  readonly evidence: readonly Evidence[]
  readonly runbook: string | null
  /** Who was told, when, and what proves it. */
  readonly told: readonly {
    readonly at: number
    readonly receiver: string
    readonly channel: string
    readonly status: 'sent' | 'failed' | 'given_up'
    readonly transition: 'firing' | 'resolved'
    readonly messageId: string
    readonly reply: string
  }[]
  readonly timeline: readonly TimelineLine[]
  /** Lines left out of the middle of the timeline. */
  readonly leftOut: number
}

export function summaryOf(one: Gathered): IncidentSummary {
  const verifiedAt = one.proof?.by === 'inference' ? one.proof.at : null
  return {
    id: one.id,
    host: one.host,
    engine: one.engine,
    openedAt: one.openedAt,
    closedAt: one.closedAt,
    cause: one.firstFault?.event.cause ?? one.firstAlert?.event.rule ?? 'action_failed',
    severity: one.severity,
    summary: sentence(one),
    counts: { ...one.counts, alerts: one.alerts.size },
    times: {
      detectedAt: one.openedAt,
      actedAt: one.actedAt,
      verifiedAt: verifiedAt !== null && verifiedAt >= one.openedAt ? verifiedAt : null,
      notifiedAt: one.notifiedAt,
      resolvedAt: resolvedAt(one),
    },
  }
}

export function recordOf(one: Gathered): Incident {
  const { summary = '', summary_zh = summary } = one.firstAlert?.event.annotations ?? {}
  const detail = one.firstFault?.event.detail ?? summary
  return {
    ...summaryOf(one),
    detail,
    detailZh: one.firstFault === null ? summary_zh : twin(detail).zh,
    evidence: one.firstFault?.event.evidence ?? [],
    runbook: one.firstAlert?.event.annotations.runbook_url ?? null,
    told: one.entries.flatMap(({ event }) => {
      if (event.kind !== 'delivery') return []
      const { at, receiver, channel, status, transition, messageId, reply } = event
      return [{ at, receiver, channel, status, transition, messageId, reply }]
    }),
    timeline: one.entries.map(({ event }) => ({
      at: event.at,
      kind: event.kind,
      words: eventWords(event),
      ...((event.kind === 'fault' || event.kind === 'verdict') && event.evidence.length > 0
        ? { evidence: event.evidence }
        : {}),
    })),
    leftOut: one.leftOut,
  }
}

/** What, why, what was done, how long until it served again: one sentence. */
function sentence(one: Gathered): Words {
  const parts = [what(one), ...again(one), ...done(one), ending(one)]
  return { en: `${parts.map((part) => part.en).join('; ')}.`, zh: `${parts.map((part) => part.zh).join(';')}。` }
}

function what(one: Gathered): Words {
  const { firstFault, firstAlert, firstFailure } = one
  if (firstFault !== null) {
    const cause = causeWords[firstFault.event.cause]
    const { detail } = firstFault.event
    return {
      en: `Engine ${one.engine} on ${one.host} ${cause.en}${detail === '' ? '' : ` (${detail})`}`,
      zh: `主机 ${one.host} 上的引擎 ${one.engine} ${cause.zh}${detail === '' ? '' : `(${twin(detail).zh})`}`,
    }
  }
  if (firstAlert !== null) {
    const { rule, annotations } = firstAlert.event
    const about = { en: annotations.summary ?? '', zh: annotations.summary_zh ?? annotations.summary ?? '' }
    const where = one.engine === null ? one.host : `${one.host}/${one.engine}`
    return {
      en: `Alert ${rule} on ${where}${about.en === '' ? '' : `: ${about.en}`}`,
      zh: `${where} 告警 ${rule}${about.zh === '' ? '' : `:${about.zh}`}`,
    }
  }
  const words = firstFailure === null ? { en: 'something failed', zh: '动作失败' } : eventWords(firstFailure.event)
  return {
    en: `Engine ${one.engine} on ${one.host}: ${words.en}`,
    zh: `主机 ${one.host} 上的引擎 ${one.engine}:${words.zh}`,
  }
}

function again(one: Gathered): Words[] {
  const { faults } = one.counts
  if (faults < 2) return []
  // The last one is what a person meets now; it may be another than the first.
  const last =
    one.lastFault === null || one.lastFault.cause === one.firstFault?.event.cause ? null : one.lastFault.cause
  return [
    {
      en: `${faults} faults in a row${last === null ? '' : `, at the last it ${causeWords[last].en}`}`,
      zh: `共 ${faults} 次故障${last === null ? '' : `,最近一次${causeWords[last].zh}`}`,
    },
  ]
}

function done(one: Gathered): Words[] {
  const { lastAction, counts } = one
  if (lastAction === null || one.firstFault === null) return []
  const action = actionWords(lastAction.event.action)
  const who = principalWords(lastAction.event.principal)
  const times =
    counts.actions > 1
      ? { en: ` (${counts.actions} actions)`, zh: `(共 ${counts.actions} 次动作)` }
      : { en: '', zh: '' }
  return [{ en: `${action.en} by ${who.en}${times.en}`, zh: `${who.zh}已${action.zh}${times.zh}` }]
}

function ending(one: Gathered): Words {
  const { proof, lastFault, lastAction, lastRefusal } = one
  const stands = proof !== null && (lastFault === null || proof.at >= lastFault.at)
  if (stands && proof.by === 'stop') return { en: 'then stopped on purpose', zh: '随后被人为停止' }
  if (stands && proof.by === 'inference' && lastAction?.event.result !== 'failed') {
    const took = durationWords(proof.at - one.openedAt)
    const firing = one.closedAt === null
    return {
      en: `serving again, verified by an inference ${took.en} after detection${firing ? '; an alert still fires' : ''}`,
      zh: `发现后 ${took.zh}恢复服务,并经真实推理验证${firing ? ';仍有告警未恢复' : ''}`,
    }
  }
  if (one.closedAt !== null) {
    const took = durationWords(one.closedAt - one.openedAt)
    return { en: `over after ${took.en}`, zh: `${took.zh}后恢复` }
  }
  if (lastRefusal !== null && (lastAction === null || lastRefusal.at >= lastAction.at)) {
    const why = refusalWords(lastRefusal.reason)
    return { en: `not serving: ${why.en}, a person is needed`, zh: `未恢复服务:${why.zh},需要人工处理` }
  }
  if (lastAction?.event.result === 'failed')
    return { en: 'not serving: the last action failed', zh: '未恢复服务:最近一次动作失败' }
  if (lastAction?.event.result === 'unknown')
    return { en: 'nobody knows how the last action ended', zh: '最近一次动作的结果未知' }
  return lastFault === null && lastAction === null
    ? { en: 'not over', zh: '仍在持续' }
    : { en: 'not yet proved to serve again', zh: '尚未验证恢复' }
}
