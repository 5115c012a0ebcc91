// The stand-in itself: every rule of the robot refuses what breaks it, and nothing else.

import { createHmac } from 'node:crypto'
import { afterEach, describe, expect, it } from 'vitest'
import { type DingtalkSink, openDingtalkSink } from '../../helpers/sinks/dingtalk-sink.ts'
import { openWecomSink } from '../../helpers/sinks/wecom-sink.ts'

const now = 1_700_000_000_000
const secret = 'SECtest'
const closing: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const one of closing.splice(0)) await one.close()
})

const hmac = (hmacKey: string, text: string): Buffer => createHmac('sha256', hmacKey).update(text).digest()
const right = encodeURIComponent(hmac(secret, `${now}\n${secret}`).toString('base64'))
const good = { msgtype: 'markdown', markdown: { title: 't', text: '告警 @13800000000' }, msgUuid: 'u1' }

async function open(): Promise<DingtalkSink> {
  const sink = await openDingtalkSink({ secret, keyword: '告警', now: () => now })
  closing.push(sink)
  return sink
}
async function post(url: string, body: unknown, type = 'application/json'): Promise<number> {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const reply = await fetch(url, { method: 'POST', headers: { 'content-type': type }, body: text })
  expect(reply.status).toBe(200)
  return ((await reply.json()) as { errcode: number }).errcode
}

describe('the DingTalk stand-in', () => {
  it('takes a right message', async () => {
    const sink = await open()
    expect(await post(`${sink.url}&timestamp=${now}&sign=${right}`, good)).toBe(0)
    expect(sink.messages().map((one) => one.uuid)).toEqual(['u1'])
  })

  it.each([
    {
      name: 'key and message of the signature swapped',
      query: `timestamp=${now}&sign=${encodeURIComponent(hmac(`${now}\n${secret}`, secret).toString('base64'))}`,
    },
    { name: 'a signature encoded twice', query: `timestamp=${now}&sign=${encodeURIComponent(right)}` },
    {
      name: 'a signature in hexadecimal',
      query: `timestamp=${now}&sign=${hmac(secret, `${now}\n${secret}`).toString('hex')}`,
    },
    {
      name: 'the secret before the timestamp',
      query: `timestamp=${now}&sign=${encodeURIComponent(hmac(secret, `${secret}\n${now}`).toString('base64'))}`,
    },
    { name: 'no signature', query: `timestamp=${now}` },
    {
      name: 'a timestamp in seconds',
      query: `timestamp=${now / 1000}&sign=${encodeURIComponent(hmac(secret, `${now / 1000}\n${secret}`).toString('base64'))}`,
    },
    {
      name: 'a clock more than an hour off',
      query: `timestamp=${now - 3_600_001}&sign=${encodeURIComponent(hmac(secret, `${now - 3_600_001}\n${secret}`).toString('base64'))}`,
    },
  ])('refuses $name', async ({ query }) => {
    const sink = await open()
    expect(await post(`${sink.url}&${query}`, good)).toBe(310000)
    expect(sink.messages()).toEqual([])
    expect(sink.refused()).toHaveLength(1)
  })

  const filled = (bytes: number): string => {
    const empty = JSON.stringify({ ...good, markdown: { title: 't', text: '告警' } })
    return JSON.stringify({
      ...good,
      markdown: { title: 't', text: `告警${'x'.repeat(bytes - Buffer.byteLength(empty))}` },
    })
  }
  it.each([
    { name: '20 001 bytes', body: filled(20_001), errcode: 460101 },
    { name: '20 000 bytes', body: filled(20_000), errcode: 0 },
    { name: 'no keyword', body: { ...good, markdown: { title: '告警', text: 'x' } }, errcode: 310000 },
    { name: 'a type it does not know', body: { ...good, msgtype: 'action_card' }, errcode: 400105 },
    { name: 'a type without its fields', body: { ...good, msgtype: 'text' }, errcode: 400105 },
    {
      name: 'a card without buttons',
      body: { ...good, msgtype: 'actionCard', actionCard: { title: 't', text: '告警', btns: [] } },
      errcode: 400105,
    },
    {
      name: 'somebody who is not in the text',
      body: { ...good, at: { atMobiles: ['13900000000'], isAtAll: false } },
      errcode: 400105,
    },
    {
      name: 'somebody who is in the text',
      body: { ...good, at: { atMobiles: ['13800000000'], isAtAll: false } },
      errcode: 0,
    },
    { name: 'no identity', body: { ...good, msgUuid: undefined }, errcode: 400105 },
    { name: 'no JSON', body: '{', errcode: 400105 },
  ])('answers $errcode to $name', async ({ body, errcode }) => {
    const sink = await open()
    expect(await post(`${sink.url}&timestamp=${now}&sign=${right}`, body)).toBe(errcode)
    expect(sink.messages()).toHaveLength(errcode === 0 ? 1 : 0)
  })

  it('refuses a wrong token and a form', async () => {
    const sink = await open()
    expect(await post(`${sink.url}0&timestamp=${now}&sign=${right}`, good)).toBe(300005)
    expect(await post(`${sink.url}&timestamp=${now}&sign=${right}`, good, 'text/plain')).toBe(43004)
  })

  it('refuses the 21st message and takes a repeated one any time before', async () => {
    const sink = await open()
    const url = `${sink.url}&timestamp=${now}&sign=${right}`
    for (let n = 1; n <= 20; n++) {
      expect(await post(url, { ...good, msgUuid: `u${n}` })).toBe(0)
      expect(await post(url, { ...good, msgUuid: `u${n}` })).toBe(0)
    }
    expect(await post(url, { ...good, msgUuid: 'u21' })).toBe(660026)
    expect(sink.messages()).toHaveLength(20)
    expect(sink.repeats()).toBe(20)
  })
})

describe('the WeCom stand-in', () => {
  const content = (bytes: number): string => '告'.repeat(Math.floor(bytes / 3)) + 'x'.repeat(bytes % 3)
  it.each([
    { body: { msgtype: 'text', text: { content: content(2048) } }, errcode: 0 },
    { body: { msgtype: 'text', text: { content: content(2049) } }, errcode: 40058 },
    { body: { msgtype: 'markdown', markdown: { content: content(4096) } }, errcode: 0 },
    { body: { msgtype: 'markdown', markdown: { content: content(4097) } }, errcode: 40058 },
    { body: { msgtype: 'card', card: {} }, errcode: 40008 },
    { body: { msgtype: 'markdown', markdown: { content: 'x', mentioned_list: ['@all'] } }, errcode: 40008 },
    { body: { msgtype: 'text', text: { content: '' } }, errcode: 40008 },
  ])('answers $errcode by type and bytes', async ({ body, errcode }) => {
    const sink = await openWecomSink({ now: () => now })
    closing.push(sink)
    expect(await post(sink.url, body)).toBe(errcode)
    expect(await post(sink.url.replace(/key=./, 'key=x'), body)).toBe(93000)
  })

  const card = {
    card_type: 'text_notice',
    main_title: { title: 't' },
    card_action: { type: 1, url: 'https://x' },
  }
  const row = { keyname: 'k', value: 'v' }
  const jump = { type: 1, title: 't', url: 'https://x' }
  it.each([
    { name: 'a card', template_card: card, errcode: 0 },
    { name: 'no place to go', template_card: { ...card, card_action: undefined }, errcode: 40008 },
    { name: 'a card for apps', template_card: { ...card, card_type: 'button_interaction' }, errcode: 40008 },
    { name: '27 characters', template_card: { ...card, main_title: { title: '长'.repeat(27) } }, errcode: 40008 },
    { name: 'seven rows', template_card: { ...card, horizontal_content_list: Array(7).fill(row) }, errcode: 40008 },
    { name: 'four links', template_card: { ...card, jump_list: Array(4).fill(jump) }, errcode: 40008 },
  ])('answers $errcode to $name', async ({ template_card, errcode }) => {
    const sink = await openWecomSink({ now: () => now })
    closing.push(sink)
    expect(await post(sink.url, { msgtype: 'template_card', template_card })).toBe(errcode)
  })

  it('refuses the 21st message of a minute', async () => {
    let time = now
    const sink = await openWecomSink({ now: () => time })
    closing.push(sink)
    const body = { msgtype: 'text', text: { content: 'x' } }
    for (let n = 0; n < 20; n++) expect(await post(sink.url, body)).toBe(0)
    expect(await post(sink.url, body)).toBe(45009)
    time += 60_000
    expect(await post(sink.url, body)).toBe(0)
  })
})
