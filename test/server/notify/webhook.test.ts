// The generic webhook: Alertmanager's JSON, field by field.

import { createHmac } from 'node:crypto'
import { afterEach, describe, expect, it } from 'vitest'
import { openWebhookSink } from '../../helpers/sinks/webhook-sink.ts'
import { load, never, receiverFile, testDeps } from './deps.ts'
import { alert, at, many, notification } from './sample.ts'

const closing: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const one of closing.splice(0)) await one.close()
})

async function open(more = '', query = '') {
  const deps = testDeps()
  const sink = await openWebhookSink()
  closing.push(sink)
  const config = load(receiverFile(`    webhook_configs:\n      - url: ${sink.url}${query}\n${more}`), {
    '/etc/inferward/hook.secret': 'canary-hook-secret\n',
  })
  return { deps, sink, channel: config.channels(deps)[0]! }
}

describe('a webhook', () => {
  it('posts version 4 with these fields and no other', async () => {
    const { sink, channel } = await open()
    const ended = alert({ fingerprint: 'c0ffee0000000002', endsAt: Date.UTC(2026, 10, 21, 2, 5, 0, 250) })
    const sent = notification([alert(), ended])
    expect(await channel.send(sent, never)).toEqual({ ok: true, reply: 'HTTP 200 {"ok":true}' })
    expect(JSON.parse(sink.posted()[0]!.text)).toEqual({
      receiver: 'oncall',
      status: 'firing',
      alerts: [
        {
          status: 'firing',
          labels: sent.alerts[0]!.labels,
          annotations: sent.alerts[0]!.annotations,
          startsAt: '2026-11-21T02:00:00Z',
          endsAt: '0001-01-01T00:00:00Z',
          generatorURL: 'http://127.0.0.1:9700/graph?g0.expr=gpu_temperature_celsius+%3E+90',
          fingerprint: 'c0ffee0000000001',
        },
        {
          status: 'resolved',
          labels: sent.alerts[1]!.labels,
          annotations: sent.alerts[1]!.annotations,
          startsAt: '2026-11-21T02:00:00Z',
          endsAt: '2026-11-21T02:05:00.25Z',
          generatorURL: 'http://127.0.0.1:9700/graph?g0.expr=gpu_temperature_celsius+%3E+90',
          fingerprint: 'c0ffee0000000002',
        },
      ],
      groupLabels: { alertname: 'GpuTooHot' },
      commonLabels: sent.commonLabels,
      commonAnnotations: sent.commonAnnotations,
      externalURL: 'http://127.0.0.1:9700',
      version: '4',
      groupKey: '{}:{alertname="GpuTooHot"}',
      truncatedAlerts: 0,
    })
    expect(sink.posted()[0]!.headers).toMatchObject({
      'content-type': 'application/json',
      'idempotency-key': sent.id,
      'content-length': String(Buffer.byteLength(sink.posted()[0]!.text)),
    })
    expect(sink.posted()[0]!.headers['x-signature']).toBeUndefined()
  })

  it('leaves out alerts past max_alerts and counts them with those left out before', async () => {
    const { sink, channel } = await open('        max_alerts: 2\n')
    await channel.send(notification(many(5), { truncated: 10 }), never)
    const body = JSON.parse(sink.posted()[0]!.text) as { alerts: unknown[]; truncatedAlerts: number }
    expect([body.alerts.length, body.truncatedAlerts]).toEqual([2, 13])
  })

  it('signs time and body when it has a secret', async () => {
    const { sink, channel } = await open('        secret_file: hook.secret\n')
    await channel.send(notification(), never)
    const { headers, text } = sink.posted()[0]!
    expect(headers['x-signature-timestamp']).toBe(String(Math.floor(at / 1000)))
    const expected = createHmac('sha256', 'canary-hook-secret')
      .update(`${Math.floor(at / 1000)}.${text}`)
      .digest('hex')
    expect(headers['x-signature']).toBe(`sha256=${expected}`)
  })

  it.each([
    { status: 200, result: { ok: true } },
    { status: 204, result: { ok: true } },
    { status: 301, result: { ok: false, code: 'bad_reply', retryable: false } },
    { status: 400, result: { ok: false, code: 'http_4xx', retryable: false } },
    { status: 404, result: { ok: false, code: 'http_4xx', retryable: false } },
    { status: 408, result: { ok: false, code: 'http_4xx', retryable: true } },
    { status: 429, result: { ok: false, code: 'rate_limited', retryable: true, retryAfterMs: null } },
    { status: 500, result: { ok: false, code: 'http_5xx', retryable: true } },
    { status: 503, result: { ok: false, code: 'http_5xx', retryable: true } },
  ])('takes status $status for what it says', async ({ status, result }) => {
    const { sink, channel } = await open()
    sink.mood({ kind: 'status', status })
    expect(await channel.send(notification(), never)).toMatchObject(result)
  })

  it('waits as a busy receiver asks, in seconds or until a date, an hour at most', async () => {
    const { sink, channel } = await open()
    const ask = async (header: string) => {
      sink.mood({ kind: 'status', status: 503, headers: { 'retry-after': header } })
      const result = await channel.send(notification(), never)
      return result.ok ? undefined : result.retryAfterMs
    }
    expect(await ask('30')).toBe(30_000)
    expect(await ask(new Date(at + 90_000).toUTCString())).toBe(90_000)
    expect(await ask('999999')).toBe(3_600_000)
    expect(await ask('soon')).toBeNull()
  })

  it('shows no part of its URL, its credentials or its secret', async () => {
    const { sink, channel } = await open(
      '        secret_file: hook.secret\n',
      '/services/T00CANARY99?token=canary-token',
    )
    sink.mood({ kind: 'status', status: 400 })
    const failed = JSON.stringify(await channel.send(notification(), never))
    sink.mood({
      kind: 'body',
      body: `you called ${sink.url}/services/T00CANARY99?token=canary-token with canary-hook-secret`,
    })
    const taken = JSON.stringify(await channel.send(notification(), never))
    const shown = [channel.preview(notification()), failed, taken].join('\n')
    expect(shown).not.toMatch(/canary/i)
    expect(shown).toContain('you called')
    expect(channel.preview(notification())).toMatch(
      /^POST http:\/\/127\.0\.0\.1:\d+\/\*\*\*\ncontent-type: application\/json\n/,
    )
    expect(channel.preview(notification())).toContain('x-signature: ***')
  })
})
