// Posts the alerts of our rules to external Alertmanagers, as a Prometheus server does: at once when one changes, again every minute while it fires and
// for fifteen minutes after its end, always as it stands then. Each target has a worker of its own; one that is away holds nobody else, and what waits
// for it is one state per alert, however long it is away.

import { type Backoff, backoffDelay } from '../../core/base/backoff.ts'
import type { Clock } from '../../core/base/clock.ts'
import { errorText } from '../../core/base/errors.ts'
import type { Log } from '../../core/base/log.ts'
import { redact } from '../../core/base/redact.ts'
import { type Alert, type AlertSource, isResolved } from '../alert/alert.ts'
import type { ForwardTarget } from './forward-config.ts'
import type { Post, PostOutcome } from './http-post.ts'

export type ForwardStats = {
  /** Alerts that a target took, each post counted. */
  readonly sent: number
  /** Posts that failed and are made again. */
  readonly failures: number
  /** Alerts that a target refused for good. */
  readonly refused: number
  readonly waiting: number
}
export type Forward = { start(): void; stop(): Promise<void>; stats(): ForwardStats }

const resendMs = 60_000
/** How long the other side may hold an alert that we no longer confirm. */
const validMs = 4 * resendMs
const resolvedMs = 15 * 60_000
const lookMs = 5000
const batch = 256
const retry: Backoff = { baseMs: 500, capMs: 30_000 }

export function openForward(deps: {
  readonly clock: Clock
  readonly log: Log
  readonly source: AlertSource
  readonly targets: readonly ForwardTarget[]
  readonly post: Post
  /** The token in a file; throws when it cannot be read. */
  readonly readToken: (file: string) => string
  /** Put beside the labels of each alert; a label of the alert itself wins. */
  readonly externalLabels: Readonly<Record<string, string>>
  /** In [0, 1), for back-off. */
  readonly random: () => number
}): Forward {
  const { clock, source } = deps
  const stopping = new AbortController()
  const workers = deps.targets.map((target) => openWorker(target, { ...deps, signal: stopping.signal }))
  let subscription: Disposable | undefined
  let timer: Disposable | undefined
  const look = (): void => {
    timer = clock.timer(lookMs, look)
    const alerts = source.current()
    for (const worker of workers) worker.look(alerts)
  }
  return {
    start() {
      if (workers.length === 0) return
      subscription = source.subscribe((alerts) => {
        for (const worker of workers) worker.take(alerts)
      })
      look()
    },
    async stop() {
      subscription?.[Symbol.dispose]()
      timer?.[Symbol.dispose]()
      stopping.abort()
      await Promise.all(workers.map((worker) => worker.done()))
    },
    stats: () =>
      workers
        .map((worker) => worker.stats())
        .reduce(
          (sum, one) => ({
            sent: sum.sent + one.sent,
            failures: sum.failures + one.failures,
            refused: sum.refused + one.refused,
            waiting: sum.waiting + one.waiting,
          }),
          { sent: 0, failures: 0, refused: 0, waiting: 0 },
        ),
  }
}

type WorkerDeps = Parameters<typeof openForward>[0] & { readonly signal: AbortSignal }

function openWorker(target: ForwardTarget, deps: WorkerDeps) {
  const { clock, log, signal } = deps
  const url = `${target.url.replace(/\/$/, '')}/api/v2/alerts`
  const shown = redact(target.url)
  /** By fingerprint, as they stand. */
  const due = new Map<string, Alert>()
  const sentAt = new Map<string, number>()
  let working: Promise<void> | null = null
  const counts = { sent: 0, failures: 0, refused: 0 }

  const wake = (): void => {
    if (signal.aborted || due.size === 0) return
    working ??= work().finally(() => {
      working = null
      wake()
    })
  }

  const work = async (): Promise<void> => {
    let said = ''
    for (let attempt = 0; due.size > 0 && !signal.aborted; ) {
      const alerts = [...due.values()].slice(0, batch)
      const fault = await send(alerts)
      if (fault === null || fault.final) {
        const at = clock.now()
        for (const alert of alerts) {
          // One that changed meanwhile stays due.
          if (due.get(alert.fingerprint) === alert) due.delete(alert.fingerprint)
          sentAt.set(alert.fingerprint, at)
        }
        if (fault === null) counts.sent += alerts.length
        else counts.refused += alerts.length
        if (fault !== null) log.error('alerts were refused by an Alertmanager', { target: shown, reply: fault.words })
        else if (said !== '') log.info('an Alertmanager takes alerts again', { target: shown })
        said = ''
        attempt = 0
        continue
      }
      counts.failures++
      if (fault.words !== said)
        log.warn('an Alertmanager cannot be reached, will try again', { target: shown, error: fault.words })
      said = fault.words
      await clock.sleep(backoffDelay(retry, attempt++, deps.random) + retry.baseMs, signal)
    }
  }

  const send = async (
    alerts: readonly Alert[],
  ): Promise<{ readonly words: string; readonly final: boolean } | null> => {
    const headers: Record<string, string> = { 'content-type': 'application/json' }
    try {
      if (target.token_file !== undefined) headers.authorization = `Bearer ${deps.readToken(target.token_file)}`
    } catch (error) {
      return { words: `the token cannot be read: ${errorText(error)}`, final: false }
    }
    const body = JSON.stringify(alerts.map((alert) => postable(alert, deps.externalLabels, clock.now())))
    return judge(await deps.post({ url, headers, body, timeoutMs: target.timeout, reach: 'private' }, signal))
  }

  return {
    take(alerts: readonly Alert[]) {
      for (const alert of alerts) due.set(alert.fingerprint, alert)
      wake()
    },
    /** What is to be said again, and what is over. */
    look(alerts: readonly Alert[]) {
      const now = clock.now()
      const here = new Set<string>()
      for (const alert of alerts) {
        here.add(alert.fingerprint)
        if (alert.endsAt !== null && alert.endsAt + resolvedMs <= now) continue
        if (now - (sentAt.get(alert.fingerprint) ?? Number.NEGATIVE_INFINITY) >= resendMs)
          due.set(alert.fingerprint, alert)
      }
      for (const fingerprint of sentAt.keys()) if (!here.has(fingerprint)) sentAt.delete(fingerprint)
      wake()
    },
    done: async () => {
      while (working !== null) await working
    },
    stats: () => ({ ...counts, waiting: due.size }),
  }
}

function postable(alert: Alert, externalLabels: Readonly<Record<string, string>>, now: number): unknown {
  const instant = (at: number): string => new Date(at).toISOString()
  return {
    labels: { ...externalLabels, ...alert.labels },
    annotations: alert.annotations,
    startsAt: instant(alert.startsAt),
    endsAt: instant(isResolved(alert, now) ? alert.endsAt! : now + validMs),
    generatorURL: alert.generatorUrl,
  }
}

/** Null: taken. What a target says of the content is final, anything else may pass. */
function judge(outcome: PostOutcome): { readonly words: string; readonly final: boolean } | null {
  if (outcome.kind !== 'reply') return { words: redact(outcome.reason), final: false }
  const { status } = outcome
  if (status >= 200 && status < 300) return null
  const words = redact(`HTTP ${status} ${outcome.body.slice(0, 300)}`)
  // 401, 403 and 404 are about the address and the token, which somebody may set right.
  return { words, final: status === 400 || status === 413 || status === 422 }
}
