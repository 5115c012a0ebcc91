// DingTalk against a robot that is as strict as the real one.

import { afterEach, describe, expect, it } from 'vitest'
import { secret } from '../../../core/base/redact.ts'
import type { Channel } from '../../../server/dispatch/channel.ts'
import { dingtalkSign } from '../../../server/notify/channel/dingtalk.ts'
import { type DingtalkSink, openDingtalkSink } from '../../helpers/sinks/dingtalk-sink.ts'
import { load, never, receiverFile, testDeps } from './deps.ts'
import { alert, at, many, notification } from './sample.ts'

const key = 'SECcanary0123456789'
const closing: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const one of closing.splice(0)) await one.close()
})

async function open(more = '', keyword?: string) {
  const deps = testDeps()
  const sink = await openDingtalkSink({
    secret: key,
    now: () => deps.clock.now(),
    ...(keyword === undefined ? {} : { keyword }),
  })
  closing.push(sink)
  const channel = (text: string): Channel =>
    load(receiverFile(`    dingtalk_configs:\n      - url: ${sink.url}\n        secret: ${key}\n${text}`)).channels(
      deps,
    )[0]!
  return { deps, sink, channel: channel(more) }
}
const text = (sink: DingtalkSink, index = 0): string => sink.messages()[index]!.body.markdown!.text

describe('the signature', () => {
  it('is the known one for a known time and secret', () => {
    const sign = dingtalkSign(1_700_000_000_000, secret('SECtest'))
    expect(encodeURIComponent(sign)).toBe('aZLLrriXgn05YbwaGR7knYsLeJADjr9NwLaNNKpxh4g%3D')
  })

  it('is accepted at a hundred different times, whatever characters it holds', async () => {
    const { deps, sink, channel } = await open()
    for (let n = 0; n < 100; n++) {
      deps.clock.jump(61_000)
      expect(await channel.send(notification([alert()], { id: `m${n}` }), never)).toMatchObject({ ok: true })
    }
    expect(sink.messages()).toHaveLength(100)
  })
})

describe('a message', () => {
  it('is taken once, with title, text and identity, and the answer is kept', async () => {
    const { sink, channel } = await open()
    const sent = notification()
    expect(channel).toMatchObject({
      name: 'oncall/dingtalk[0]',
      kind: 'dingtalk',
      receiver: 'oncall',
      sendResolved: true,
    })
    expect(await channel.send(sent, never)).toEqual({ ok: true, reply: '{"errcode":0,"errmsg":"ok"}' })
    expect(await channel.send(sent, never)).toMatchObject({ ok: true })
    expect(sink.messages()).toHaveLength(1)
    expect(sink.repeats()).toBe(1)
    expect(sink.messages()[0]).toMatchObject({
      at,
      uuid: sent.id,
      body: { msgtype: 'markdown', markdown: { title: '🔴 告警中 · GpuTooHot' }, msgUuid: sent.id },
    })
  })

  it('is one message for the reader when the answer was lost and it was sent again', async () => {
    const { sink, channel } = await open()
    sink.mood({ kind: 'lost' }, 1)
    expect(await channel.send(notification(), never)).toMatchObject({ ok: false, code: 'unreachable', retryable: true })
    expect(await channel.send(notification(), never)).toMatchObject({ ok: true })
    expect(sink.messages()).toHaveLength(1)
    expect(sink.repeats()).toBe(1)
  })

  it('gets the keyword that it lacks, even when there is hardly any room', async () => {
    const { sink, channel } = await open('        keyword: 值班\n', '值班')
    expect(await channel.send(notification(many(2000, '显'.repeat(300))), never)).toMatchObject({ ok: true })
    expect(text(sink).endsWith('值班')).toBe(true)
    expect(text(sink)).toMatch(/共 2000 条，另有 \d+ 条未显示/)
  })

  it('does not repeat a keyword that it has', async () => {
    const { sink, channel } = await open('        keyword: 告警\n', '告警')
    expect(await channel.send(notification(), never)).toMatchObject({ ok: true })
    expect(text(sink).split('告警')).toHaveLength(2)
  })

  it('calls people beside the body and in the text while it fires, and nobody when it is over', async () => {
    const { sink, channel } = await open(
      '        mentions: { mobiles: [13800000000, "+852-12345678"], user_ids: [zhang], all: false }\n',
    )
    await channel.send(notification(many(900)), never)
    await channel.send(notification([alert({ endsAt: at })], { id: 'over' }), never)
    expect(sink.refused()).toEqual([])
    expect(sink.messages()[0]!.body.at).toEqual({
      atMobiles: ['13800000000', '+852-12345678'],
      atUserIds: ['zhang'],
      isAtAll: false,
    })
    expect(text(sink).endsWith('@13800000000 @+852-12345678 @zhang')).toBe(true)
    expect(sink.messages()[1]!.body.at).toEqual({ atMobiles: [], atUserIds: [], isAtAll: false })
    expect(text(sink, 1)).toContain('✅ 已恢复')
  })

  it.each([
    { type: 'text', has: (body: DingtalkSink) => body.messages()[0]!.body.text!.content },
    { type: 'markdown', has: (body: DingtalkSink) => body.messages()[0]!.body.markdown!.text },
    { type: 'action_card', has: (body: DingtalkSink) => body.messages()[0]!.body.actionCard!.text },
  ])('is accepted as $type, at most 20 000 bytes with quotes and backslashes that JSON doubles', async ({
    type,
    has,
  }) => {
    const { sink, channel } = await open(`        message_type: ${type}\n        keyword: 值班\n`, '值班')
    const sent = notification(many(500, '"\\"*'.repeat(100)), { externalUrl: 'https://inferward.example' })
    expect(await channel.send(sent, never)).toMatchObject({ ok: true })
    expect(has(sink)).toContain('gpu-00')
    expect(Buffer.byteLength(JSON.stringify(sink.messages()[0]!.body))).toBeGreaterThan(15_000)
  })

  it('has the links as buttons on an action card', async () => {
    const { sink, channel } = await open('        message_type: action_card\n')
    await channel.send(notification(), never)
    expect(sink.messages()[0]!.body.actionCard!.btns).toEqual([
      { title: '控制台', actionURL: 'http://127.0.0.1:9700/' },
      {
        title: '查看表达式',
        actionURL: 'http://127.0.0.1:9700/graph?g0.expr=gpu_temperature_celsius+%3E+90',
      },
      { title: '处理手册', actionURL: 'https://docs.example.org/runbooks/gpu-too-hot' },
    ])
  })
})

describe('an answer', () => {
  it.each([
    { errcode: '0', result: { ok: true } },
    { errcode: 0, result: { ok: true } },
    { errcode: -1, result: { ok: false, code: 'rejected', retryable: true, retryAfterMs: null } },
    { errcode: 130101, result: { ok: false, code: 'rate_limited', retryable: true, retryAfterMs: 600_000 } },
    { errcode: '660026', result: { ok: false, code: 'rate_limited', retryable: true, retryAfterMs: 600_000 } },
    { errcode: 410100, result: { ok: false, code: 'rate_limited', retryable: true, retryAfterMs: 600_000 } },
    { errcode: 310000, result: { ok: false, code: 'rejected', retryable: false, retryAfterMs: null } },
    { errcode: 300005, result: { ok: false, code: 'rejected', retryable: false } },
    { errcode: 400101, result: { ok: false, code: 'rejected', retryable: false } },
    { errcode: 400102, result: { ok: false, code: 'rejected', retryable: false } },
    { errcode: 400106, result: { ok: false, code: 'rejected', retryable: false } },
    { errcode: 400105, result: { ok: false, code: 'rejected', retryable: false } },
    { errcode: 43004, result: { ok: false, code: 'rejected', retryable: false } },
    { errcode: 430101, result: { ok: false, code: 'rejected', retryable: false } },
    { errcode: 430104, result: { ok: false, code: 'rejected', retryable: false } },
    { errcode: 460101, result: { ok: false, code: 'too_long', retryable: false } },
    { errcode: 101002, result: { ok: false, code: 'too_long', retryable: false } },
    { errcode: 987654, result: { ok: false, code: 'rejected', retryable: true } },
    { errcode: 'ok', result: { ok: false, code: 'bad_reply', retryable: true } },
    { errcode: null, result: { ok: false, code: 'bad_reply', retryable: true } },
    { errcode: 0.5, result: { ok: false, code: 'bad_reply', retryable: true } },
  ])('with errcode $errcode is understood', async ({ errcode, result }) => {
    const { sink, channel } = await open()
    sink.mood({ kind: 'body', body: JSON.stringify({ errcode, errmsg: 'words' }) })
    expect(await channel.send(notification(), never)).toMatchObject(result)
  })

  it.each([
    { mood: { kind: 'html' }, result: { code: 'bad_reply', retryable: true } },
    { mood: { kind: 'huge' }, result: { code: 'bad_reply', retryable: true } },
    { mood: { kind: 'body', body: '' }, result: { code: 'bad_reply', retryable: true } },
    {
      mood: { kind: 'body', body: `{"errcode":0}${' '.repeat(70_000)}` },
      result: { code: 'bad_reply', retryable: true },
    },
    { mood: { kind: 'body', body: '[]' }, result: { code: 'bad_reply', retryable: true } },
    { mood: { kind: 'body', body: 'null' }, result: { code: 'bad_reply', retryable: true } },
    {
      mood: { kind: 'status', status: 302, headers: { location: 'http://127.0.0.1:1/' } },
      result: { code: 'bad_reply', retryable: false },
    },
    { mood: { kind: 'status', status: 403 }, result: { code: 'http_4xx', retryable: false } },
    {
      mood: { kind: 'status', status: 429, headers: { 'retry-after': '7' } },
      result: { code: 'rate_limited', retryable: true, retryAfterMs: 7000 },
    },
    { mood: { kind: 'status', status: 502 }, result: { code: 'http_5xx', retryable: true, retryAfterMs: null } },
  ] as const)('that is no answer of a robot fails as $result.code: $mood', async ({ mood, result }) => {
    const { sink, channel } = await open()
    sink.mood(mood)
    expect(await channel.send(notification(), never)).toMatchObject({ ok: false, ...result })
    expect(sink.requests()).toBe(1)
  })

  it('"too long" makes it send a shorter one at once, and only once', async () => {
    const { sink, channel } = await open()
    sink.mood({ kind: 'body', body: '{"errcode":460101,"errmsg":"too long"}' }, 1)
    expect(await channel.send(notification(many(400)), never)).toMatchObject({ ok: true })
    expect(sink.requests()).toBe(2)
    expect(Buffer.byteLength(JSON.stringify(sink.messages()[0]!.body))).toBeLessThanOrEqual(10_000)
  })

  it('that never comes ends in a timeout', async () => {
    const { deps, sink, channel } = await open('        timeout: 5s\n')
    sink.mood({ kind: 'hang' })
    const result = channel.send(notification(), never)
    await sink.seen(1)
    await deps.clock.advance(4999)
    expect(deps.clock.pending).toBe(1)
    await deps.clock.advance(1)
    expect(await result).toMatchObject({
      ok: false,
      code: 'timeout',
      retryable: true,
      reply: 'no answer within 5000 ms',
    })
  })

  it('is not waited for when the sender is stopped', async () => {
    const { deps, sink, channel } = await open()
    sink.mood({ kind: 'hang' })
    const stop = new AbortController()
    const result = channel.send(notification(), stop.signal)
    await sink.seen(1)
    stop.abort()
    expect(await result).toMatchObject({ ok: false, code: 'timeout', retryable: true })
    expect(deps.clock.pending).toBe(0)
    expect(await channel.send(notification(), stop.signal)).toMatchObject({ ok: false, retryable: true })
  })

  it('is none where nothing listens', async () => {
    const { sink, channel } = await open()
    await sink.close()
    expect(await channel.send(notification(), never)).toMatchObject({ ok: false, code: 'unreachable', retryable: true })
  })

  it('is refused for pace at the 21st message of a minute, then for ten minutes', async () => {
    const { deps, channel, sink } = await open()
    const send = (n: number) => channel.send(notification([alert()], { id: `m${n}` }), never)
    for (let n = 1; n <= 20; n++) expect(await send(n)).toMatchObject({ ok: true })
    expect(await send(21)).toMatchObject({ ok: false, code: 'rate_limited', retryAfterMs: 600_000 })
    deps.clock.jump(599_000)
    expect(await send(21)).toMatchObject({ ok: false, code: 'rate_limited' })
    deps.clock.jump(1000)
    expect(await send(21)).toMatchObject({ ok: true })
    expect(sink.messages()).toHaveLength(21)
  })
})

describe('secrets', () => {
  it('appear in no preview, reply or name, though the answer repeats them', async () => {
    const { sink, channel } = await open()
    const token = new URL(sink.url).searchParams.get('access_token')!
    sink.mood({ kind: 'body', body: JSON.stringify({ errcode: 310000, errmsg: `bad ${sink.url} ${key} ${token}` }) })
    const result = await channel.send(notification(), never)
    const shown = [channel.preview(notification()), JSON.stringify(result), channel.name].join('\n')
    expect(shown).not.toContain(key)
    expect(shown).not.toContain(token)
    expect(shown).toContain('access_token=***')
    expect(shown).toContain('310000')
    expect(channel.preview(notification())).toContain('"msgtype": "markdown"')
  })
})
