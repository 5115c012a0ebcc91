// Five hundred alerts at once at robots as strict as the real ones: every critical alert and every recovery is told by name, and no robot is ever
// asked too often.

import { describe, expect, it } from 'vitest'
import { dingtalkRobot } from '../../helpers/sinks/dingtalk-sink.ts'
import { openPostTo } from '../../helpers/sinks/post-to.ts'
import { wecomRobot } from '../../helpers/sinks/wecom-sink.ts'
import { story } from '../dispatch/story.ts'
import { load, never, receiverFile } from './deps.ts'
import { alert, notification } from './sample.ts'

const count = 500
const host = (n: number): string => `gpu-${String(n).padStart(3, '0')}`
const critical = (n: number): boolean => n % 8 === 0
const route =
  '{receiver: oncall, group_by: ["..."], group_wait: 0s, resolve_wait: 0s, group_interval: 1m, repeat_interval: 4h}'

type Told = { readonly at: number; readonly text: string }

/** Whether some message says this of this host: in its line of a list, or alone. */
const tells = (messages: readonly Told[], name: string, word: string): boolean =>
  messages.some(({ text }) =>
    text
      .split('\n')
      .some((line) => line.includes(name) && (line.includes(word) || text.split('\n')[0]!.includes(word))),
  )

const busiest = (messages: readonly Told[]): number =>
  Math.max(...messages.map(({ at }) => messages.filter((one) => one.at >= at && one.at < at + 60_000).length))

const robots = ['dingtalk', 'wecom'] as const

function open(kind: (typeof robots)[number]) {
  const s = story(route)
  const now = () => s.clock.now()
  const ding = dingtalkRobot({ secret: 'SECstorm', keyword: '告警', now })
  const wecom = wecomRobot({ now })
  const post = openPostTo({ 'ding.example': ding.answer, 'wecom.example': wecom.answer })
  const lines = {
    dingtalk: `    dingtalk_configs: [{ url: "https://ding.example${ding.path}", secret: SECstorm, keyword: 告警 }]`,
    wecom: `    wecom_configs: [{ url: "https://wecom.example${wecom.path}" }]`,
  }
  for (const channel of load(receiverFile(lines[kind])).channels({ clock: s.clock, post })) s.adopt(channel)
  const messages = (): readonly Told[] =>
    kind === 'dingtalk'
      ? ding.messages().map(({ at, body }) => ({ at, text: body.markdown!.text }))
      : wecom.messages().map(({ at, body }) => ({ at, text: body.markdown!.content }))
  return { s, messages, refused: () => [...ding.refused(), ...wecom.refused()] }
}

describe.each(robots)('a storm at a robot of %s', (kind) => {
  it('tells every critical alert and every recovery by name, and counts what it does not name', async () => {
    const { s, messages, refused } = open(kind)
    const dispatch = await s.start()
    for (let n = 0; n < count; n++)
      s.fires(`${n}`, { alertname: 'Hot', host: host(n), severity: critical(n) ? 'critical' : 'warning' })
    await s.after('3m')
    const firing = messages()
    const untold = Array.from({ length: count }, (_, n) => n).filter((n) => !tells(firing, host(n), '告警中'))
    expect(untold.filter(critical)).toEqual([])
    const uncounted = firing.flatMap(({ text }) => /另有 (\d+) 条未显示/.exec(text)?.[1] ?? [])
    expect(uncounted.reduce((sum, one) => sum + Number(one), 0)).toBe(untold.length)
    expect([...(await s.outbox.waiting())]).toEqual([])

    for (let n = 0; n < count; n++) s.resolves(`${n}`)
    await s.after('5m')
    const over = messages().slice(firing.length)
    expect(Array.from({ length: count }, (_, n) => host(n)).filter((name) => !tells(over, name, '已恢复'))).toEqual([])
    expect(refused()).toEqual([])
    expect(busiest(messages())).toBeLessThanOrEqual(18)
    expect([...(await s.outbox.waiting())]).toEqual([])
    expect(dispatch.stats().merged[0]!.count).toBeGreaterThan(800)
    expect(dispatch.stats().attempts).toEqual([{ kind, result: 'sent', code: '', count: messages().length }])
  })

  it('of which the server is killed in the middle tells the same', async () => {
    const { s, messages, refused } = open(kind)
    for (const nth of [1, 2, 3, 5]) {
      await s.start({ point: 'before:settle', nth })
      for (let n = nth * 100; n < nth * 100 + 60; n++) s.fires(`${n}`, { host: host(n), severity: 'critical' })
      await s.after('1m')
      expect(s.alive).toBe(false)
    }
    await s.start()
    await s.after('5m')
    const names = [1, 2, 3, 5].flatMap((nth) => Array.from({ length: 60 }, (_, n) => host(nth * 100 + n)))
    expect(names.filter((name) => !tells(messages(), name, '告警中'))).toEqual([])
    expect(refused()).toEqual([])
  })
})

describe('a robot that others have tired out', () => {
  it.each([
    130101, 660026, 410100,
  ] as const)('is left alone for ten minutes after %i, then told everything in few messages', async (tooFast) => {
    const s = story(route)
    const robot = dingtalkRobot({ secret: 'SECstorm', keyword: '告警', now: () => s.clock.now(), tooFast })
    const post = openPostTo({ 'ding.example': robot.answer })
    const lines = `    dingtalk_configs: [{ url: "https://ding.example${robot.path}", secret: SECstorm, keyword: 告警 }]`
    const [channel] = load(receiverFile(lines)).channels({ clock: s.clock, post })
    for (let n = 0; n < 20; n++) {
      const sent = await channel!.send(notification([alert()], { id: `other ${n}` }), never)
      expect(sent).toMatchObject({ ok: true })
    }
    s.adopt(channel!)
    await s.start()
    for (let n = 0; n < 100; n++) s.fires(`${n}`, { host: host(n), severity: 'critical' })
    await s.after('9m')
    expect(robot.messages()).toHaveLength(20)
    const refusals = robot.refused().length
    // What was under way when the robot fell silent; nothing is asked of it after that.
    expect(refusals).toBe(1)
    for (let n = 0; n < 50; n++) s.resolves(`${n}`)
    await s.after('10m')
    const told = robot
      .messages()
      .slice(20)
      .map(({ at, body }) => ({ at, text: body.markdown!.text }))
    const names = Array.from({ length: 100 }, (_, n) => n)
    expect(names.filter((n) => !tells(told, host(n), n < 50 ? '已恢复' : '告警中'))).toEqual([])
    expect(told.length).toBeLessThan(10)
    expect(robot.refused()).toHaveLength(refusals)
    expect([...(await s.outbox.waiting())]).toEqual([])
  })
})
