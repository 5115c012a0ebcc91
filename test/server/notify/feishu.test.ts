// Feishu against a robot that is as strict as the real one, and that robot against what it must refuse.

import { createHmac } from 'node:crypto'
import { afterEach, describe, expect, it } from 'vitest'
import { type FeishuSink, openFeishuSink } from '../../helpers/sinks/feishu-sink.ts'
import { load, never, receiverFile, testDeps } from './deps.ts'
import { alert, at, many, notification } from './sample.ts'

const key = 'feishucanary0123'
const closing: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const one of closing.splice(0)) await one.close()
})

async function open(more = '') {
  const deps = testDeps()
  const sink = await openFeishuSink({ secret: key, now: () => deps.clock.now() })
  closing.push(sink)
  const text = receiverFile(`    feishu_configs:\n      - url: ${sink.url}\n        secret: ${key}\n${more}`)
  return { deps, sink, channel: load(text).channels(deps)[0]! }
}
const markdown = (sink: FeishuSink): string => sink.messages()[0]!.body.card!.elements![0]!.content!

describe('a Feishu message', () => {
  it('is a signed card: coloured and worded head, facts, links as buttons', async () => {
    const { sink, channel } = await open()
    expect(channel).toMatchObject({ name: 'oncall/feishu[0]', kind: 'feishu', sendResolved: true })
    expect(await channel.send(notification(), never)).toMatchObject({ ok: true })
    const { card } = sink.messages()[0]!.body
    expect(card!.header).toEqual({ template: 'red', title: { tag: 'plain_text', content: '🔴 告警中 · GpuTooHot' } })
    expect(markdown(sink)).toContain('**主机**：gpu-01\n')
    expect(card!.elements![1]!.actions!.map((one) => one.text.content)).toEqual(['控制台', '查看表达式', '处理手册'])
  })

  it('is green when all is over, and calls nobody then', async () => {
    const { sink, channel } = await open('        mentions: { user_ids: [ou_1], all: true }\n')
    await channel.send(notification([alert({ endsAt: at })]), never)
    expect(sink.messages()[0]!.body.card!.header!.template).toBe('green')
    expect(markdown(sink)).not.toContain('<at')
  })

  it.each([
    { type: 'card', calls: '<at id=ou_1></at> <at id=all></at>' },
    { type: 'text', calls: '<at user_id="ou_1"></at> <at user_id="all"></at>' },
  ])('calls people as a $type does, and a label calls nobody', async ({ type, calls }) => {
    const { sink, channel } = await open(
      `        message_type: ${type}\n        mentions: { user_ids: [ou_1], all: true }\n`,
    )
    const labels = { alertname: 'A', severity: 'critical', host: '<at id=all></at><at user_id="all">x</at>' }
    expect(await channel.send(notification([alert({ labels })]), never)).toMatchObject({ ok: true })
    const text = type === 'card' ? markdown(sink) : sink.messages()[0]!.body.content!.text!
    expect(text.endsWith(calls)).toBe(true)
    expect(text.match(/<at/g)).toHaveLength(2)
  })

  it.each(['card', 'text'])('as a %s fits 20 000 bytes whatever its lines hold', async (type) => {
    const { sink, channel } = await open(`        message_type: ${type}\n        keyword: 值班\n`)
    const sent = notification(many(500, '"\\"*'.repeat(100)))
    expect(await channel.send(sent, never)).toMatchObject({ ok: true })
    expect(sink.refused()).toEqual([])
    const body = JSON.stringify(sink.messages()[0]!.body)
    expect(Buffer.byteLength(body)).toBeGreaterThan(15_000)
    expect(body).toContain('值班')
    expect(channel.shown!(sent)).toBeGreaterThan(5)
  })

  it('keeps its secrets out of preview and answer', async () => {
    const { sink, channel } = await open()
    const hook = new URL(sink.url).pathname.split('/').at(-1)!
    sink.mood({ kind: 'body', body: JSON.stringify({ code: 19021, msg: `${key} ${hook}` }) })
    const result = await channel.send(notification(), never)
    const shown = `${channel.preview(notification())}\n${JSON.stringify(result)}`
    expect(shown).not.toContain(key)
    expect(shown).not.toContain(hook)
    expect(shown).toContain('"sign": "***"')
  })
})

describe('the Feishu stand-in', () => {
  const body = (timestamp: string, sign: string, text = 'x') => ({
    timestamp,
    sign,
    msg_type: 'text',
    content: { text },
  })
  const hmac = (hmacKey: string, text: string) => createHmac('sha256', hmacKey).update(text).digest('base64')
  const seconds = String(at / 1000)
  const right = hmac(`${seconds}\n${key}`, '')

  it.each([
    { name: 'a right one', sent: body(seconds, right), code: 0 },
    { name: 'key and message as DingTalk has them', sent: body(seconds, hmac(key, `${seconds}\n${key}`)), code: 19021 },
    { name: 'milliseconds', sent: body(String(at), hmac(`${at}\n${key}`, '')), code: 19021 },
    { name: 'a clock two hours off', sent: body('1', hmac(`1\n${key}`, '')), code: 19021 },
    { name: 'no words', sent: body(seconds, right, ''), code: 9499 },
    { name: 'more than 20 000 bytes', sent: body(seconds, right, 'x'.repeat(20_000)), code: 19036 },
    { name: 'a kind it does not know', sent: { ...body(seconds, right), msg_type: 'markdown' }, code: 9499 },
    { name: 'a card without a head', sent: { ...body(seconds, right), msg_type: 'interactive', card: {} }, code: 9499 },
  ])('answers $code to $name', async ({ sent, code }) => {
    const { sink } = await open()
    const reply = await fetch(sink.url, { method: 'POST', body: JSON.stringify(sent) })
    expect([reply.status, ((await reply.json()) as { code: number }).code]).toEqual([200, code])
  })

  it('refuses the sixth message of a second and the 101st of a minute', async () => {
    const { deps, sink } = await open()
    const send = async (): Promise<number> => {
      const now = String(Math.floor(deps.clock.now() / 1000))
      const sent = JSON.stringify(body(now, hmac(`${now}\n${key}`, '')))
      return ((await (await fetch(sink.url, { method: 'POST', body: sent })).json()) as { code: number }).code
    }
    for (let n = 0; n < 5; n++) expect(await send()).toBe(0)
    expect(await send()).toBe(11232)
    deps.clock.jump(1000)
    for (let n = 5; n < 100; n++) {
      deps.clock.jump(500)
      expect(await send()).toBe(0)
    }
    deps.clock.jump(500)
    expect(await send()).toBe(11232)
  })
})
