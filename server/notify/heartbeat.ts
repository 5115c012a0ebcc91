// A dead man's switch: as long as this server does its work somebody else hears of it, and notices when it falls silent. A URL is called only
// while nothing is wrong; what waits at its other end pages when the calls stop. A receiver is told now and then that all is well, and at once
// when something is wrong and when it no longer is, past routes and outbox, which may be what is wrong.

import type { Clock } from '../../core/base/clock.ts'
import type { Log } from '../../core/base/log.ts'
import type { Channel } from '../dispatch/channel.ts'
import { type Notification, summarize } from '../dispatch/notification.ts'
import type { Heartbeat } from './heartbeat-config.ts'
import type { Post } from './http-post.ts'

/** What keeps alerts from people, in both languages. */
export type Trouble = { readonly en: string; readonly zh: string }

/** Between two looks on behalf of receivers. */
const lookMs = 60_000

export type HeartbeatStats = {
  readonly sent: number
  readonly failed: number
  /** Not sent, since something was wrong. */
  readonly withheld: number
}

export function openHeartbeats(deps: {
  readonly clock: Clock
  readonly log: Log
  readonly beats: readonly Heartbeat[]
  readonly channels: readonly Channel[]
  readonly post: Post
  /** Null: all is well. Never throws. */
  readonly trouble: () => Promise<Trouble | null>
  readonly externalUrl: string
  readonly newId: () => string
}) {
  const { clock, log } = deps
  const stopping = new AbortController()
  let sent = 0
  let failed = 0
  let withheld = 0
  const loops: Promise<void>[] = []

  const count = (ok: boolean): boolean => {
    if (ok) sent++
    else failed++
    return ok
  }

  const call = async (beat: Heartbeat & { kind: 'url' }, name: string): Promise<void> => {
    let before = ''
    while (!stopping.signal.aborted) {
      const state = await once(beat)
      if (state !== before) log[state === 'sent' ? 'info' : 'warn']('heartbeat', { heartbeat: name, state })
      before = state
      await clock.sleep(beat.intervalMs, stopping.signal)
    }
  }
  const once = async ({ url, timeoutMs }: Heartbeat & { kind: 'url' }): Promise<string> => {
    const trouble = await deps.trouble()
    if (trouble !== null) {
      withheld++
      return `withheld: ${trouble.en}`
    }
    const body = JSON.stringify({
      program: 'inferward',
      server: deps.externalUrl,
      at: new Date(clock.now()).toISOString(),
    })
    const outcome = await deps.post(
      // Whoever watches the watcher may stand in the own network; only the file can name it.
      { url: url.reveal(), headers: { 'content-type': 'application/json' }, body, timeoutMs, reach: 'private' },
      stopping.signal,
    )
    const ok = outcome.kind === 'reply' && outcome.status >= 200 && outcome.status < 300
    count(ok)
    return ok ? 'sent' : outcome.kind === 'reply' ? `answered ${outcome.status}` : outcome.kind
  }

  const tell = async (beat: Heartbeat & { kind: 'receiver' }): Promise<void> => {
    const channels = deps.channels.filter((channel) => channel.receiver === beat.receiver)
    /** What the receiver was told last; undefined: nothing yet. */
    let told: Trouble | null | undefined
    let toldAt = Number.NEGATIVE_INFINITY
    while (!stopping.signal.aborted) {
      const trouble = await deps.trouble()
      const changed = told === undefined ? trouble !== null : (told === null) !== (trouble === null)
      if (changed || clock.monotonic() - toldAt >= beat.intervalMs) {
        const message = notification(beat.receiver, trouble, changed && trouble === null, clock.now())
        const results = await Promise.all(channels.map((channel) => channel.send(message, stopping.signal)))
        // One channel of the receiver is enough; none, and the next look tries again.
        if (count(results.some((result) => result.ok))) {
          told = trouble
          toldAt = clock.monotonic()
        } else
          log.warn('heartbeat', {
            receiver: beat.receiver,
            state: results.map((one) => (one.ok ? '' : one.code)).join(),
          })
      }
      await clock.sleep(lookMs, stopping.signal)
    }
  }

  const notification = (receiver: string, trouble: Trouble | null, over: boolean, now: number): Notification => {
    const words = trouble ?? (over ? wellAgain : well)
    const labels = { alertname: 'InferwardWatcher', severity: trouble === null ? 'info' : 'critical' }
    const alert = {
      fingerprint: '0000000000000001',
      labels,
      annotations: { summary: words.en, summary_zh: words.zh },
      startsAt: now,
      endsAt: trouble === null ? now : null,
      updatedAt: now,
      generatorUrl: '',
      source: 'watcher',
    }
    return {
      id: deps.newId(),
      receiver,
      groupKey: '{}:{alertname="InferwardWatcher"}',
      reason: trouble === null ? 'all_resolved' : 'first',
      status: trouble === null ? 'resolved' : 'firing',
      groupLabels: { alertname: 'InferwardWatcher' },
      ...summarize([alert]),
      alerts: [alert],
      truncated: 0,
      externalUrl: deps.externalUrl,
      at: now,
    }
  }

  return {
    start(): void {
      deps.beats.forEach((beat, index) => {
        loops.push(beat.kind === 'url' ? call(beat, `heartbeats[${index}]`) : tell(beat))
      })
    },
    async stop(): Promise<void> {
      stopping.abort()
      await Promise.all(loops)
    },
    stats: (): HeartbeatStats => ({ sent, failed, withheld }),
  }
}

const well: Trouble = {
  en: 'Inferward is at work: rules are evaluated, messages leave.',
  zh: 'Inferward 正常工作:规则按时求值,消息正常发出。',
}
const wellAgain: Trouble = {
  en: 'Inferward is at work again: rules are evaluated, messages leave.',
  zh: 'Inferward 已恢复正常:规则按时求值,消息正常发出。',
}
