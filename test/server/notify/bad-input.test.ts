// What others do wrong — robots that hang, answer with a page, or turn their name to a metadata service; annotations of a megabyte — ends in a
// clear error or a bounded number of attempts, and the other channels hear of everything at once.

import { describe, expect, it } from 'vitest'
import type { Resolve } from '../../../server/notify/address-guard.ts'
import { openPost, type Post } from '../../../server/notify/http-post.ts'
import { dingtalkRobot } from '../../helpers/sinks/dingtalk-sink.ts'
import { openPostTo } from '../../helpers/sinks/post-to.ts'
import { wecomRobot } from '../../helpers/sinks/wecom-sink.ts'
import { story } from '../dispatch/story.ts'
import { load, never, receiverFile, testDeps } from './deps.ts'
import { alert, at, notification } from './sample.ts'

const route = '{receiver: oncall, group_by: [alertname], group_wait: 0s, group_interval: 5m, repeat_interval: 4h}'

/** A bad robot, as `bad`, beside a good one, under one receiver. */
function open(bad: (signal: AbortSignal) => ReturnType<Post>) {
  const s = story(route)
  const robot = dingtalkRobot({ secret: 'SECgood', now: () => s.clock.now() })
  const good = openPostTo({ 'good.example': robot.answer })
  let asked = 0
  const post: Post = (request, signal) => {
    if (new URL(request.url).hostname !== 'bad.example') return good(request, signal)
    asked++
    return bad(signal)
  }
  const lines = `    dingtalk_configs:
      - { url: "https://bad.example/robot/send?access_token=canary-token", secret: SECcanary }
      - { url: "https://good.example${robot.path}", secret: SECgood }`
  for (const channel of load(receiverFile(lines)).channels({ clock: s.clock, post })) s.adopt(channel)
  return { s, robot, asked: () => asked }
}
const page = { kind: 'reply', status: 200, headers: {}, cut: false } as const

describe('a bad robot beside a good one', () => {
  it.each([
    { name: 'hangs', bad: () => new Promise<never>(() => {}), code: 'timeout', most: 8 },
    {
      name: 'answers with a page',
      bad: async () => ({ ...page, body: '<html>Sign in canary-token</html>' }),
      code: 'bad_reply',
      most: 8,
    },
    {
      name: 'answers without end',
      bad: async () => ({ ...page, body: 'x'.repeat(65_536), cut: true }),
      code: 'bad_reply',
      most: 8,
    },
    {
      name: 'is gone',
      bad: async () => ({ ...page, body: '{"errcode":300005,"errmsg":"token canary-token"}' }),
      code: 'rejected',
      most: 1,
    },
    {
      name: 'turned into a metadata service',
      bad: async () => ({ kind: 'refused', reason: 'not connected' }) as const,
      code: 'unreachable',
      most: 1,
    },
  ])('that $name is asked at most $most times in five minutes, and the good one is told at once', async ({
    bad,
    code,
    most,
  }) => {
    const { s, robot, asked } = open(bad)
    const dispatch = await s.start()
    s.fires('a', { severity: 'critical' })
    await s.after('1s')
    expect(robot.messages()).toHaveLength(1)
    s.fires('b', { severity: 'critical' })
    await s.after('1s')
    expect(robot.messages()).toHaveLength(2)
    await s.after('298s')
    expect(asked()).toBeGreaterThan(0)
    const attempts = s.events.filter((one) => one.kind === 'delivery' && one.channel === 'oncall/dingtalk[0]')
    const perMessage = new Map<string, number>()
    for (const one of attempts)
      if (one.kind === 'delivery')
        perMessage.set(one.messageId, Math.max(perMessage.get(one.messageId) ?? 0, one.attempt))
    for (const count of perMessage.values()) expect(count).toBeLessThanOrEqual(most)
    expect(dispatch.stats().attempts).toContainEqual(expect.objectContaining({ kind: 'dingtalk', code }))
    expect(robot.refused()).toEqual([])
    expect(JSON.stringify(s.events)).not.toMatch(/canary/)
  })
})

describe('a megabyte', () => {
  const megabyte = '显存🔴"\\'.repeat(100_000)
  const sent = notification([
    alert({
      annotations: { summary: megabyte, description: megabyte, value: megabyte, runbook_url: `https://x/${megabyte}` },
    }),
  ])

  it('of annotation is cut, said to be, and the rest arrives', async () => {
    expect(Buffer.byteLength(megabyte)).toBeGreaterThan(1_000_000)
    const deps = testDeps()
    const now = () => deps.clock.now()
    const [ding, wecom] = [dingtalkRobot({ secret: 'SECx', now }), wecomRobot({ now })]
    const post = openPostTo({ 'ding.example': ding.answer, 'wecom.example': wecom.answer })
    const lines = `    dingtalk_configs: [{ url: "https://ding.example${ding.path}", secret: SECx }]
    wecom_configs: [{ url: "https://wecom.example${wecom.path}" }]`
    for (const channel of load(receiverFile(lines)).channels({ clock: deps.clock, post })) {
      const began = performance.now()
      expect(await channel.send(sent, never)).toMatchObject({ ok: true })
      expect(performance.now() - began).toBeLessThan(5000)
    }
    const texts = [ding.messages()[0]!.body.markdown!.text, wecom.messages()[0]!.body.markdown!.content]
    for (const text of texts) {
      expect(text).toContain('GpuTooHot')
      expect(text).toMatch(/…（已截断，全文 \d{7} 字节）/)
      expect(text).not.toContain('\ufffd')
    }
    expect([...ding.refused(), ...wecom.refused()]).toEqual([])
  })
})

describe('a webhook to a metadata address', () => {
  it('is refused when the file is read, with its place', () => {
    const file = (url: string) => receiverFile(`    webhook_configs:\n      - { url: "${url}", allow_private: true }`)
    expect(() => load(file('http://169.254.169.254/latest/meta-data'))).toThrow(
      ':6:11: receivers[0].webhook_configs[0].url',
    )
  })

  it('is refused at the connection when a name leads there, once, and is not tried again', async () => {
    const resolve = ((_: string, __: unknown, callback: (error: null, found: unknown) => void) =>
      callback(null, [{ address: '169.254.169.254', family: 4 }])) as unknown as Resolve
    const { clock } = testDeps()
    const lines = '    webhook_configs: [{ url: "http://innocent.example/canary-path", allow_private: true }]'
    const [channel] = load(receiverFile(lines)).channels({ clock, post: openPost(clock, resolve) })
    const result = await channel!.send(notification([alert()], { at }), never)
    expect(result).toMatchObject({ ok: false, code: 'unreachable', retryable: false })
    expect(result.reply).toContain('is the address of a cloud metadata service')
    expect(result.reply).not.toContain('canary')
  })
})
