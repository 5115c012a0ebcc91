// The dead man's switch on a virtual clock: who is called while all is well, and what is said when it is not.

import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { parseConfig } from '../../../core/base/config.ts'
import { silentLog } from '../../../core/base/log.ts'
import { virtualClock } from '../../../core/base/virtual-clock.ts'
import type { Channel } from '../../../server/dispatch/channel.ts'
import type { Notification } from '../../../server/dispatch/notification.ts'
import { openHeartbeats, type Trouble } from '../../../server/notify/heartbeat.ts'
import { type Heartbeat, heartbeats, readHeartbeats } from '../../../server/notify/heartbeat-config.ts'
import type { PostOutcome, PostRequest } from '../../../server/notify/http-post.ts'

const minute = 60_000
const file = z.object({ heartbeats })
const config = (yaml: string) => parseConfig({ file: 'c.yml', text: `heartbeats:\n${yaml}`, schema: file }).heartbeats
const read = (yaml: string, files: Readonly<Record<string, string>> = {}): readonly Heartbeat[] =>
  readHeartbeats(config(yaml), {
    read: (name) => {
      if (files[name] === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' })
      return files[name]
    },
    receivers: new Set(['second']),
  })

function world(yaml: string) {
  const clock = virtualClock()
  const start = clock.now()
  const state: { trouble: Trouble | null; answer: PostOutcome; takes: boolean } = {
    trouble: null,
    answer: { kind: 'reply', status: 200, headers: {}, body: 'OK', cut: false },
    takes: true,
  }
  const posts: (PostRequest & { readonly at: number })[] = []
  const told: { readonly at: number; readonly message: Notification }[] = []
  const channel: Channel = {
    name: 'second/webhook[0]',
    kind: 'webhook',
    receiver: 'second',
    sendResolved: true,
    preview: () => '',
    send: async (message) => {
      if (!state.takes) return { ok: false, code: 'timeout', reply: '', retryable: true, retryAfterMs: null }
      told.push({ at: (clock.now() - start) / minute, message })
      return { ok: true, reply: 'ok' }
    },
  }
  const beats = openHeartbeats({
    clock,
    log: silentLog,
    beats: read(yaml),
    channels: [channel, { ...channel, receiver: 'first', name: 'first/webhook[0]' }],
    post: async (request) => {
      posts.push({ ...request, at: (clock.now() - start) / minute })
      return state.answer
    },
    trouble: async () => state.trouble,
    externalUrl: 'http://x',
    newId: () => `id-${told.length}`,
  })
  const words = () => told.map(({ at, message }) => `${at} ${message.status} ${message.commonAnnotations.summary}`)
  return { clock, beats, state, posts, told, words }
}
const late: Trouble = { en: 'Rules are late.', zh: '规则求值延迟。' }
const well = 'Inferward is at work: rules are evaluated, messages leave.'
const again = 'Inferward is at work again: rules are evaluated, messages leave.'

describe('heartbeats', () => {
  it('call a URL at their interval while all is well, and not while something is wrong', async () => {
    const { clock, beats, state, posts } = world('  - { url: "http://127.0.0.1:1/ping", interval: 1m }')
    beats.start()
    await clock.advance(2 * minute)
    expect(posts.map((one) => one.at)).toEqual([0, 1, 2])
    expect(posts[0]).toMatchObject({ url: 'http://127.0.0.1:1/ping', timeoutMs: 10_000 })
    expect(JSON.parse(posts[0]!.body)).toEqual({
      program: 'inferward',
      server: 'http://x',
      at: '2026-01-01T00:00:00.000Z',
    })
    state.trouble = late
    await clock.advance(3 * minute)
    expect(posts).toHaveLength(3)
    state.trouble = null
    await clock.advance(minute)
    expect(posts.at(-1)!.at).toBe(6)
    expect(beats.stats()).toEqual({ sent: 4, failed: 0, withheld: 3 })
    await beats.stop()
    expect(clock.pending).toBe(0)
  })

  it.each<[string, PostOutcome]>([
    ['an error', { kind: 'reply', status: 500, headers: {}, body: '', cut: false }],
    ['a redirect', { kind: 'reply', status: 302, headers: {}, body: '', cut: false }],
    ['no answer', { kind: 'timeout', reason: 'x' }],
    ['a refused address', { kind: 'refused', reason: 'x' }],
  ])('count %s as failed and go on', async (_what, answer) => {
    const { clock, beats, state, posts } = world('  - { url: "http://127.0.0.1:1/ping", interval: 1m }')
    state.answer = answer
    beats.start()
    await clock.advance(minute)
    expect(posts).toHaveLength(2)
    expect(beats.stats()).toEqual({ sent: 0, failed: 2, withheld: 0 })
    await beats.stop()
  })

  it('tell a receiver at their interval that all is well, at once of trouble, once, and when it is over', async () => {
    const { clock, beats, state, words, told } = world('  - { receiver: second, interval: 1h }')
    beats.start()
    await clock.advance(61 * minute)
    expect(words()).toEqual([`0 resolved ${well}`, `60 resolved ${well}`])
    state.trouble = late
    await clock.advance(10 * minute)
    state.trouble = null
    await clock.advance(5 * minute)
    expect(words().slice(2)).toEqual(['62 firing Rules are late.', `72 resolved ${again}`])
    expect(told[2]!.message.commonLabels).toEqual({ alertname: 'InferwardWatcher', severity: 'critical' })
    expect(told[2]!.message.commonAnnotations.summary_zh).toBe(late.zh)
    expect(new Set(told.map((one) => one.message.id)).size).toBe(told.length)
    await beats.stop()
  })

  it('repeat at their interval that something is still wrong', async () => {
    const { clock, beats, state, words } = world('  - { receiver: second, interval: 10m }')
    state.trouble = late
    beats.start()
    await clock.advance(20 * minute)
    expect(words()).toEqual(['0 firing Rules are late.', '10 firing Rules are late.', '20 firing Rules are late.'])
    await beats.stop()
  })

  it('try a receiver again that did not take a message', async () => {
    const { clock, beats, state, words } = world('  - { receiver: second, interval: 1h }')
    beats.start()
    await clock.advance(minute / 2)
    state.takes = false
    state.trouble = late
    await clock.advance(3 * minute)
    state.takes = true
    await clock.advance(minute)
    expect(words().slice(1)).toEqual(['4 firing Rules are late.'])
    expect(beats.stats()).toMatchObject({ failed: 3 })
    await beats.stop()
  })
})

describe('the configuration of heartbeats', () => {
  it('reads a URL from a file, and shows it nowhere', () => {
    const [beat] = read('  - { url_file: ping.url, interval: 30s, timeout: 5s }', {
      'ping.url': 'https://example.com/abc\n',
    })
    expect(beat).toMatchObject({ kind: 'url', intervalMs: 30_000, timeoutMs: 5000 })
    expect((beat as Heartbeat & { kind: 'url' }).url.reveal()).toBe('https://example.com/abc')
    expect(JSON.stringify(beat)).not.toContain('abc')
  })

  it.each([
    ['an unknown key', '  - { url: "http://a/b", every: 1m }', 'unknown key'],
    ['neither URL nor receiver', '  - { interval: 1m }', 'c.yml:2'],
    ['another scheme', '  - { url: "ftp://a/b" }', 'not an http or https URL'],
    ['a metadata address', '  - { url: "http://169.254.169.254/x" }', 'cloud metadata service'],
    ['a second', '  - { url: "http://a/b", interval: 1s }', 'must be 10s to 1h'],
    ['a minute for people', '  - { receiver: second, interval: 1m }', 'must be 10m to 7d'],
    [
      'a receiver without a channel',
      '  - { receiver: third }',
      'receiver "third" does not exist or has no channel; those that have: second',
    ],
    ['a file that is not there', '  - { url_file: none.url }', 'url_file: none.url cannot be read (ENOENT)'],
  ])('refuses %s', (_what, yaml, words) => {
    expect(() => read(yaml)).toThrow(words)
  })

  it.each(['abc-secret', 'http://169.254.169.254/abc-secret'])('never shows what a file holds: %s', (text) => {
    let words = ''
    try {
      read('  - { url_file: ping.url }', { 'ping.url': text })
    } catch (error) {
      words = String((error as Error).message)
    }
    expect(words).toContain('ping.url holds')
    expect(words).not.toContain('abc-secret')
  })
})
