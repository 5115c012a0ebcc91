// WeCom against a robot that is as strict as the real one.

import { afterEach, describe, expect, it } from 'vitest'
import { openWecomSink } from '../../helpers/sinks/wecom-sink.ts'
import { load, never, receiverFile, testDeps } from './deps.ts'
import { alert, at, many, notification } from './sample.ts'

const closing: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const one of closing.splice(0)) await one.close()
})

async function open(more = '') {
  const deps = testDeps()
  const sink = await openWecomSink({ now: () => deps.clock.now() })
  closing.push(sink)
  const config = load(receiverFile(`    wecom_configs:\n      - url: ${sink.url}\n${more}`))
  return { deps, sink, channel: config.channels(deps)[0]! }
}

describe('a WeCom message', () => {
  it('is Markdown in Chinese, with quotes for facts', async () => {
    const { sink, channel } = await open()
    expect(channel).toMatchObject({ name: 'oncall/wecom[0]', kind: 'wecom', sendResolved: true })
    expect(await channel.send(notification([alert({ endsAt: at })]), never)).toEqual({
      ok: true,
      reply: '{"errcode":0,"errmsg":"ok"}',
    })
    expect(sink.messages()[0]!.body.markdown!.content.split('\n').slice(0, 4)).toEqual([
      '### ✅ 已恢复 · GpuTooHot',
      '',
      '> 级别：**严重 (critical)**',
      '> 规则：**GpuTooHot**',
    ])
  })

  it.each([
    { type: 'markdown', limit: 4096 },
    { type: 'text', limit: 2048 },
  ])('fits $limit bytes as $type, whatever the length of its lines, at the first attempt', async ({ type, limit }) => {
    const { deps, sink, channel } = await open(`        message_type: ${type}\n`)
    for (let length = 1; length <= 90; length++) {
      deps.clock.jump(60_000)
      const sent = notification(many(60, `显存${'x'.repeat(length)}`))
      expect(await channel.send(sent, never), `${length}`).toMatchObject({ ok: true })
    }
    expect(sink.refused()).toEqual([])
    expect(sink.requests()).toBe(90)
    const contents = sink.messages().map((one) => one.body.markdown?.content ?? one.body.text!.content)
    expect(Math.max(...contents.map((content) => Buffer.byteLength(content)))).toBeGreaterThan(limit - 12)
    expect(contents.at(-1)).toMatch(/共 60 条，另有 \d+ 条未显示/)
  })

  it('about one alert may be a card with rows and links, and several are Markdown', async () => {
    const { deps, sink, channel } = await open('        message_type: template_card\n')
    expect(await channel.send(notification(), never)).toMatchObject({ ok: true })
    expect(sink.messages()[0]!.body.template_card).toMatchObject({
      card_type: 'text_notice',
      main_title: { title: '🔴 告警中 · GpuTooHot', desc: '严重 (critical)' },
      card_action: { type: 1, url: 'http://127.0.0.1:9700/' },
    })
    deps.clock.jump(60_000)
    expect(await channel.send(notification(many(30)), never)).toMatchObject({ ok: true })
    expect(sink.messages()[1]!.body.msgtype).toBe('markdown')
    expect(sink.refused()).toEqual([])
  })

  it('as a card keeps to the advised lengths whatever the labels hold', async () => {
    const { sink, channel } = await open('        message_type: template_card\n')
    const long = '显🔴'.repeat(200)
    const labels = Object.fromEntries(
      ['alertname', 'severity', 'host', 'engine', 'model', 'gpu'].map((name) => [name, `${name}${long}`]),
    )
    const sent = notification([alert({ labels, annotations: { summary: long, description: long, value: long } })])
    expect(await channel.send(sent, never)).toMatchObject({ ok: true })
    expect(sink.refused()).toEqual([])
    expect(sink.messages()[0]!.body.template_card!.horizontal_content_list).toHaveLength(6)
  })

  it('calls people inside Markdown by user id, and a label calls nobody', async () => {
    const { sink, channel } = await open('        mentions: { user_ids: [zhangsan] }\n')
    const labels = { alertname: 'A', severity: 'critical', host: '<@all>' }
    await channel.send(notification([alert({ labels })]), never)
    const { content } = sink.messages()[0]!.body.markdown!
    expect(content.match(/<@\w+>/g)).toEqual(['<@zhangsan>'])
  })

  it('calls people by lists beside a text, and nobody when it is over', async () => {
    const { sink, channel } = await open(
      '        message_type: text\n        mentions: { user_ids: [zhangsan], mobiles: [13800000000], all: true }\n',
    )
    await channel.send(notification(), never)
    await channel.send(notification([alert({ endsAt: at })]), never)
    expect(sink.messages()[0]!.body.text).toMatchObject({
      mentioned_list: ['zhangsan', '@all'],
      mentioned_mobile_list: ['13800000000'],
    })
    expect(sink.messages()[1]!.body.text).toMatchObject({ mentioned_list: [], mentioned_mobile_list: [] })
  })
})

describe('an answer of WeCom', () => {
  it.each([
    { errcode: 45009, result: { code: 'rate_limited', retryable: true, retryAfterMs: 60_000 } },
    { errcode: -1, result: { code: 'rejected', retryable: true, retryAfterMs: null } },
    { errcode: 93000, result: { code: 'rejected', retryable: false } },
    { errcode: '40008', result: { code: 'rejected', retryable: false } },
    { errcode: 40058, result: { code: 'too_long', retryable: false } },
  ])('with errcode $errcode is understood, and its hint kept', async ({ errcode, result }) => {
    const { sink, channel } = await open()
    sink.mood({ kind: 'body', body: JSON.stringify({ errcode, errmsg: 'words, hint: [1700-7]' }) })
    const answer = await channel.send(notification(), never)
    expect(answer).toMatchObject({ ok: false, ...result })
    expect(answer.reply).toContain('hint: [1700-7]')
  })

  it('"too long" makes it send half as much at once', async () => {
    const { sink, channel } = await open()
    sink.mood({ kind: 'body', body: '{"errcode":40058,"errmsg":"exceed max length 4096"}' }, 1)
    expect(await channel.send(notification(many(60)), never)).toMatchObject({ ok: true })
    expect(sink.requests()).toBe(2)
    expect(Buffer.byteLength(sink.messages()[0]!.body.markdown!.content)).toBeLessThanOrEqual(2048)
  })

  it('for pace waits a minute', async () => {
    const { deps, channel } = await open()
    for (let n = 0; n < 20; n++) expect(await channel.send(notification(), never)).toMatchObject({ ok: true })
    expect(await channel.send(notification(), never)).toMatchObject({ code: 'rate_limited', retryAfterMs: 60_000 })
    deps.clock.jump(60_000)
    expect(await channel.send(notification(), never)).toMatchObject({ ok: true })
  })
})

describe('the key', () => {
  it('is shown nowhere, though the answer repeats it', async () => {
    const { sink, channel } = await open()
    sink.mood({ kind: 'body', body: JSON.stringify({ errcode: 93000, errmsg: `bad ${sink.url} or ${sink.key}` }) })
    const shown = [channel.preview(notification()), JSON.stringify(await channel.send(notification(), never))].join(
      '\n',
    )
    expect(shown).not.toContain(sink.key)
    expect(shown).toContain('/cgi-bin/webhook/send?key=***')
  })

  it.each([
    { lines: '- key: 693a91f6-7xxx-4bc4-97a0-0ec2sifa5aaa' },
    { lines: '- url: 693a91f6-7xxx-4bc4-97a0-0ec2sifa5aaa' },
    { lines: '- key: https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=693a91f6-7xxx-4bc4-97a0-0ec2sifa5aaa' },
    { lines: '- key_file: wecom.key' },
    { lines: '- key: $' + '{WECOM_KEY}' },
  ])('may be bare, a whole URL, in a file or in the environment: $lines', ({ lines }) => {
    const key = '693a91f6-7xxx-4bc4-97a0-0ec2sifa5aaa'
    const config = load(
      receiverFile(`    wecom_configs:\n      ${lines}`),
      { '/etc/inferward/wecom.key': `${key}\n` },
      { WECOM_KEY: key },
    )
    expect(config.channels(testDeps())[0]!.preview(notification())).toMatch(
      'POST https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=***',
    )
  })
})
