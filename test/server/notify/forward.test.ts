// Alerts posted to external Alertmanagers: when, how often, with which end; and what becomes of them while the other side is away.

import { describe, expect, it } from 'vitest'
import { silentLog } from '../../../core/base/log.ts'
import { virtualClock } from '../../../core/base/virtual-clock.ts'
import type { Alert, AlertListener } from '../../../server/alert/alert.ts'
import { openForward } from '../../../server/notify/forward.ts'
import { alertmanagersConfig } from '../../../server/notify/forward-config.ts'
import type { PostOutcome, PostRequest } from '../../../server/notify/http-post.ts'
import { alertOf } from '../dispatch/story.ts'

const reply = (status: number): PostOutcome => ({ kind: 'reply', status, headers: {}, body: '', cut: false })

function staged(targets: unknown = ['http://am:9093/prefix/'], readToken: (file: string) => string = () => 'token') {
  const clock = virtualClock()
  const began = clock.now()
  const alerts = new Map<string, Alert>()
  const listeners = new Set<AlertListener>()
  const posts: { at: number; request: PostRequest; sent: Record<string, string & Record<string, string>>[] }[] = []
  let answer: (url: string) => PostOutcome = () => reply(200)
  const forward = openForward({
    clock,
    log: silentLog,
    source: {
      current: () => [...alerts.values()],
      subscribe(listener) {
        listeners.add(listener)
        return { [Symbol.dispose]: () => void listeners.delete(listener) }
      },
    },
    targets: alertmanagersConfig.parse(targets),
    post: async (request) => {
      posts.push({ at: (clock.now() - began) / 1000, request, sent: JSON.parse(request.body) })
      return answer(request.url)
    },
    readToken,
    externalLabels: { cluster: 'c', alertname: 'never' },
    random: () => 0,
  })
  const tell = (alert: Alert): void => {
    alerts.set(alert.fingerprint, alert)
    for (const listener of listeners) listener([alert])
  }
  return {
    clock,
    began,
    forward,
    posts,
    answers: (next: typeof answer) => {
      answer = next
    },
    fires: (name: string) => tell(alertOf(name, { startsAt: clock.now(), updatedAt: clock.now() })),
    resolves: (name: string) => tell({ ...alerts.get(name)!, endsAt: clock.now(), updatedAt: clock.now() }),
    forgets: (name: string) => void alerts.delete(name),
    times: () => posts.map(({ at, sent }) => `${at} ${sent.map(({ labels }) => labels!.alertname).join(' ')}`),
  }
}

describe('an alert that is forwarded', () => {
  it('is posted at once, every minute while it fires, and for fifteen minutes after its end', async () => {
    const s = staged()
    s.forward.start()
    s.fires('a')
    await s.clock.advance(150_000)
    expect(s.times()).toEqual(['0 a', '60 a', '120 a'])
    s.resolves('a')
    await s.clock.advance(20 * 60_000)
    const after = s.posts.slice(3).map(({ at }) => at)
    expect([after[0], after.at(-1), after.length]).toEqual([150, 990, 15])
    expect(s.posts[3]!.sent[0]!.endsAt).toBe(new Date(s.began + 150_000).toISOString())
  })

  it('has the form of the API: external labels that yield, an end ahead of the next post', async () => {
    const s = staged()
    s.forward.start()
    s.fires('a')
    await s.clock.advance(0)
    const [{ request, sent }] = s.posts as [(typeof s.posts)[0]]
    expect(request).toMatchObject({ url: 'http://am:9093/prefix/api/v2/alerts', timeoutMs: 10_000 })
    expect(request.headers).toEqual({ 'content-type': 'application/json' })
    expect(sent).toEqual([
      {
        labels: { alertname: 'a', cluster: 'c' },
        annotations: {},
        startsAt: new Date(s.began).toISOString(),
        endsAt: new Date(s.began + 240_000).toISOString(),
        generatorURL: '',
      },
    ])
  })

  it('is posted again when the other side was away, as it stands then, and once', async () => {
    const s = staged()
    s.forward.start()
    s.answers(() => ({ kind: 'unreachable', reason: 'ECONNREFUSED' }))
    s.fires('a')
    await s.clock.advance(20_000)
    s.resolves('a')
    s.fires('b')
    await s.clock.advance(10_000)
    expect(s.forward.stats()).toMatchObject({ sent: 0, waiting: 2 })
    const failures = s.forward.stats().failures
    expect(failures).toBeGreaterThan(10)
    s.answers(() => reply(200))
    await s.clock.advance(1000)
    expect(s.forward.stats()).toEqual({ sent: 2, failures, refused: 0, waiting: 0 })
    const last = s.posts.at(-1)!
    expect(
      last.sent.map(({ labels, endsAt }) => [labels!.alertname, endsAt! <= new Date(s.began + 20_000).toISOString()]),
    ).toEqual([
      ['a', true],
      ['b', false],
    ])
  })

  it('is sent to each target by itself: one that is away, or refuses, holds no other', async () => {
    const s = staged(['http://one', { url: 'http://two', token_file: 't' }, 'http://three'])
    s.forward.start()
    s.answers((url) =>
      url.includes('one') ? { kind: 'timeout', reason: 'late' } : reply(url.includes('three') ? 400 : 200),
    )
    s.fires('a')
    await s.clock.advance(2000)
    const to = (name: string) => s.posts.filter(({ request }) => request.url.includes(name))
    expect([to('one').length > 1, to('two').length, to('three').length]).toEqual([true, 1, 1])
    expect(to('two')[0]!.request.headers.authorization).toBe('Bearer token')
    expect(s.forward.stats()).toMatchObject({ sent: 1, refused: 1, waiting: 1 })
    const stopped = s.forward.stop()
    await s.clock.advance(0)
    await stopped
    expect(s.clock.pending).toBe(0)
  })

  it.each([500, 503, 429, 401, 404])('is tried again after HTTP %i', async (status) => {
    const s = staged()
    s.forward.start()
    s.answers(() => reply(status))
    s.fires('a')
    await s.clock.advance(5000)
    expect(s.forward.stats()).toMatchObject({ refused: 0, waiting: 1 })
  })

  it('is not posted without the token that it needs', async () => {
    const s = staged([{ url: 'http://am', token_file: 'gone' }], () => {
      throw new Error('no such file')
    })
    s.forward.start()
    s.fires('a')
    await s.clock.advance(5000)
    expect([s.posts.length, s.forward.stats().waiting]).toEqual([0, 1])
  })

  it('is posted in lists of 256 at most, after a restart as well', async () => {
    const s = staged()
    for (let n = 0; n < 600; n++) s.fires(`a${n}`)
    s.forward.start()
    await s.clock.advance(0)
    expect(s.posts.map(({ sent }) => sent.length)).toEqual([256, 256, 88])
  })
})

describe('the configuration of targets', () => {
  it.each([
    ['ftp://am', 'not an http or https URL'],
    ['am:9093', 'not an http or https URL'],
    ['http://am/?x=1', 'without ? and #'],
    ['http://169.254.169.254', 'metadata'],
  ])('refuses %s', (url, words) => {
    const { error } = alertmanagersConfig.safeParse([{ url }])
    expect(error?.issues[0]?.message ?? JSON.stringify(error?.issues)).toContain(words)
  })
})
