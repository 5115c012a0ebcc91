// `notify test`: a real message, its redacted request, the answer, and what to do about it.

import { afterEach, describe, expect, it } from 'vitest'
import type { SendResult } from '../../../server/dispatch/channel.ts'
import { adviceFor } from '../../../server/notify/advice.ts'
import { testReceiver } from '../../../server/notify/test-message.ts'
import { openDingtalkSink } from '../../helpers/sinks/dingtalk-sink.ts'
import { openWebhookSink } from '../../helpers/sinks/webhook-sink.ts'
import { load, never, receiverFile, testDeps } from './deps.ts'
import { at } from './sample.ts'

const closing: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const one of closing.splice(0)) await one.close()
})
const options = { id: 'test-1', externalUrl: 'http://127.0.0.1:9700', now: at }

describe('a test', () => {
  it('sends one real message through every channel of the receiver and tells of each', async () => {
    const deps = testDeps()
    const robot = await openDingtalkSink({ secret: 'SECcanary-secret', keyword: '值班', now: () => deps.clock.now() })
    const hook = await openWebhookSink()
    closing.push(robot, hook)
    const lines = [
      '    dingtalk_configs:',
      `      - { url: "${robot.url}", secret: SECcanary-secret, keyword: 值班 }`,
      `      - { url: "${robot.url}", secret: SECcanary-secret }`,
      `      - { url: "${robot.url}", secret: SECcanary-wrong }`,
      '    webhook_configs:',
      `      - url: ${hook.url}`,
    ].join('\n')
    const channels = load(receiverFile(lines)).channels(deps)
    const results = await testReceiver(channels, 'oncall', options, never)

    expect(results.map(({ channel, ok }) => [channel, ok])).toEqual([
      ['oncall/dingtalk[0]', true],
      ['oncall/dingtalk[1]', false],
      ['oncall/dingtalk[2]', false],
      ['oncall/webhook[0]', true],
    ])
    expect(robot.messages()).toHaveLength(1)
    expect(robot.messages()[0]!.body.markdown!.text).toContain('这是一条测试消息，无需处理')
    expect(hook.posted()).toHaveLength(1)
    expect(results[0]!.advice.zh).toBe('已送达：请到群里或邮箱中查看。')
    expect(results[1]!.reply).toBe('rejected: {"errcode":310000,"errmsg":"keywords not in content"}')
    expect(results[1]!.advice.zh).toMatch('关键词不匹配：消息中没有机器人安全设置里的关键词')
    expect(results[1]!.advice.en).toMatch('Keyword missing')
    expect(results[2]!.advice.zh).toMatch('签名不匹配')
    expect(results[0]!.request).toMatch(
      /^POST http:\/\/127\.0\.0\.1:\d+\/robot\/send\?access_token=\*\*\*&timestamp=\d+&sign=\*\*\*\n/,
    )
    expect(JSON.stringify(results)).not.toMatch(/canary|f00dcafe/)
  })

  it('of a receiver that does not exist names those that do', async () => {
    const channels = load(receiverFile('    webhook_configs: [{ url: "http://127.0.0.1:1/" }]')).channels(testDeps())
    await expect(testReceiver(channels, 'ops', options, never)).rejects.toMatchObject({
      code: 'notify.receiver_not_found',
      exitCode: 6,
      message: '"ops" is no receiver with a channel, and no channel',
      hint: 'Receivers with channels: oncall.',
    })
  })
})

describe('a test of one channel', () => {
  it('leaves the others of its receiver alone', async () => {
    const [one, two] = [await openWebhookSink(), await openWebhookSink()]
    closing.push(one, two)
    const lines = `    webhook_configs: [{ url: "${one.url}" }, { url: "${two.url}" }]`
    const channels = load(receiverFile(lines)).channels(testDeps())
    const results = await testReceiver(channels, 'oncall/webhook[1]', options, never)
    expect(results.map(({ channel, ok }) => [channel, ok])).toEqual([['oncall/webhook[1]', true]])
    expect([one.requests(), two.requests()]).toEqual([0, 1])
    await expect(testReceiver(channels, 'oncall/webhook[2]', options, never)).rejects.toMatchObject({
      hint: 'Channels: oncall/webhook[0], oncall/webhook[1].',
    })
  })
})

describe('advice', () => {
  const failed = (code: string, reply = ''): SendResult => ({
    ok: false,
    code,
    reply,
    retryable: false,
    retryAfterMs: null,
  })
  const robot = (errcode: number | string, errmsg = ''): SendResult =>
    failed('rejected', JSON.stringify({ errcode, errmsg }))
  it.each([
    ['dingtalk', robot(310000, 'keywords not in content'), '关键词不匹配'],
    ['dingtalk', robot('310000', '错误描述:关键词不匹配'), '关键词不匹配'],
    ['dingtalk', robot(310000, 'invalid timestamp'), '时间戳无效'],
    ['dingtalk', robot(310000, 'sign not match'), '签名不匹配'],
    ['dingtalk', robot(310000, 'ip 1.2.3.4 not in whitelist'), 'IP 不在白名单'],
    ['dingtalk', robot(300005), '机器人不存在'],
    ['dingtalk', robot(400102), '机器人不存在'],
    ['dingtalk', robot(660026), '发送过快'],
    ['dingtalk', robot(430101), '内容被拒绝'],
    ['dingtalk', robot(460101), '过长'],
    ['wecom', robot(93000), 'key 无效'],
    ['wecom', robot(45009), '发送过快'],
    ['wecom', robot(40008), '消息类型被拒绝'],
    ['email', failed('rejected', '535'), '邮件服务器拒绝'],
    ['webhook', failed('timeout'), '超时无应答'],
    ['webhook', failed('unreachable'), '无法连接'],
    ['webhook', failed('http_4xx'), '凭据'],
    ['webhook', failed('http_5xx'), '对方服务出错'],
    ['dingtalk', failed('bad_reply', '<html>'), '代理或登录页'],
    ['dingtalk', robot(999_999), '被拒绝'],
  ])('for %s about %o begins to help in Chinese and English', (kind, result, words) => {
    const advice = adviceFor(kind, result)
    expect(advice.zh).toContain(words)
    expect(advice.en).toMatch(/^[A-Z][^\u4e00-\u9fff]+\.$/)
  })
})
