// Every code and vector that the robots' makers publish (test/fixtures/robots) against what the channels do with it and what a person is told.

import { afterEach, describe, expect, it } from 'vitest'
import { secret } from '../../../core/base/redact.ts'
import type { Channel, SendResult } from '../../../server/dispatch/channel.ts'
import { adviceFor } from '../../../server/notify/advice.ts'
import { dingtalkSign } from '../../../server/notify/channel/dingtalk.ts'
import { feishuSign } from '../../../server/notify/channel/feishu.ts'
import { dingtalkFacts, feishuFacts, type RobotCode, wecomFacts } from '../../helpers/sinks/robot-facts.ts'
import { openWebhookSink } from '../../helpers/sinks/webhook-sink.ts'
import { load, never, receiverFile, testDeps } from './deps.ts'
import { notification } from './sample.ts'

const closing: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const one of closing.splice(0)) await one.close()
})

describe('a signature', () => {
  it.each(dingtalkFacts.vectors)('of DingTalk for $timestamp is $sign', ({ timestamp, secret: key, sign }) => {
    expect(encodeURIComponent(dingtalkSign(Number(timestamp), secret(key)))).toBe(sign)
  })
  it.each(feishuFacts.vectors)('of Feishu for $timestamp is $sign', ({ timestamp, secret: key, sign }) => {
    expect(feishuSign(Number(timestamp), secret(key))).toBe(sign)
  })
})

const robots = [
  { kind: 'dingtalk', facts: dingtalkFacts, field: 'errcode', path: '/robot/send?access_token=t', waitMs: 600_000 },
  { kind: 'wecom', facts: wecomFacts, field: 'errcode', path: '/cgi-bin/webhook/send?key=k', waitMs: 60_000 },
  { kind: 'feishu', facts: feishuFacts, field: 'code', path: '/open-apis/bot/v2/hook/h', waitMs: 60_000 },
  { kind: 'feishu', facts: feishuFacts, field: 'StatusCode', path: '/open-apis/bot/v2/hook/h', waitMs: 60_000 },
] as const

const expected = (means: RobotCode['means'], waitMs: number): Partial<SendResult> => {
  switch (means) {
    case 'accepted':
      return { ok: true }
    case 'busy':
      return { ok: false, code: 'rejected', retryable: true, retryAfterMs: null }
    case 'rate_limited':
      return { ok: false, code: 'rate_limited', retryable: true, retryAfterMs: waitMs }
    case 'too_long':
      return { ok: false, code: 'too_long', retryable: false }
    case 'security':
    case 'no_robot':
    case 'bad_message':
      return { ok: false, code: 'rejected', retryable: false, retryAfterMs: null }
  }
}

const cases = robots.flatMap((robot) => robot.facts.codes.map((one) => ({ ...robot, ...one })))
const unknownAdvice = adviceFor('dingtalk', {
  ok: false,
  code: 'rejected',
  reply: '{"errcode":999999}',
  retryable: false,
  retryAfterMs: null,
})

describe('a code', () => {
  it.each(cases)('$code of $kind, as $field, means $means', async ({ kind, field, path, code, means, waitMs }) => {
    const sink = await openWebhookSink()
    closing.push(sink)
    const url = `${new URL(sink.url).origin}${path}`
    const channel: Channel = load(receiverFile(`    ${kind}_configs: [{ url: "${url}" }]`)).channels(testDeps())[0]!
    const words = means === 'security' ? 'keywords not in content' : 'words'
    for (const written of [code, String(code)]) {
      sink.mood({ kind: 'body', body: JSON.stringify({ [field]: written, errmsg: words }) })
      const result = await channel.send(notification(), never)
      expect(result).toMatchObject(expected(means, waitMs))
      const advice = adviceFor(kind, result)
      expect(advice).not.toEqual(unknownAdvice)
      expect(advice.zh).toMatch(/[\u4e00-\u9fff]/)
      expect(advice.en).toMatch(/^[A-Z][^\u4e00-\u9fff]+\.$/)
    }
  })

  it('that comes with HTTP 400 says more than the status does', async () => {
    const sink = await openWebhookSink()
    closing.push(sink)
    const url = `${new URL(sink.url).origin}/open-apis/bot/v2/hook/h`
    const channel = load(receiverFile(`    feishu_configs: [{ url: "${url}" }]`)).channels(testDeps())[0]!
    const answers = [
      { body: '{"code":19024}', result: { ok: false, code: 'rejected' } },
      { body: '{"code":11232}', result: { ok: false, code: 'rate_limited', retryable: true } },
      { body: '{"code":0}', result: { ok: false, code: 'http_4xx' } },
      { body: 'no', result: { ok: false, code: 'http_4xx' } },
    ]
    for (const { body, result } of answers) {
      sink.mood({ kind: 'status', status: 400, body })
      expect(await channel.send(notification(), never)).toMatchObject(result)
    }
  })
})
