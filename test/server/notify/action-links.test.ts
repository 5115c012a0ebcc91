// Where the links that act stand in the messages of each kind of channel.

import { describe, expect, it } from 'vitest'
import { secret } from '../../../core/base/redact.ts'
import { openActionLinks } from '../../../server/notify/action-link.ts'
import { dingtalkRobot } from '../../helpers/sinks/dingtalk-sink.ts'
import { openPostTo } from '../../helpers/sinks/post-to.ts'
import { load, receiverFile, testDeps } from './deps.ts'
import { alert, at, notification } from './sample.ts'

const actions = openActionLinks(secret('key'), ['ack', 'silence'])

const kinds = [
  { kind: 'dingtalk', lines: 'url: "https://d.example/robot/send?access_token=t", message_type: action_card' },
  { kind: 'dingtalk', lines: 'url: "https://d.example/robot/send?access_token=t"' },
  { kind: 'wecom', lines: 'url: "https://w.example/x?key=k"' },
  { kind: 'wecom', lines: 'url: "https://w.example/x?key=k", message_type: template_card' },
  { kind: 'feishu', lines: 'url: "https://f.example/open-apis/bot/v2/hook/h"' },
  { kind: 'slack', lines: 'api_url: "https://s.example/services/x", lang: zh' },
  { kind: 'email', lines: 'to: a@example.org, from: b@example.org, smarthost: "m.example.org:25", lang: zh' },
]

describe('a message', () => {
  it.each(kinds)('of $kind ($lines) lets a reader act while it fires, and not when it is over', ({ kind, lines }) => {
    const config = load(receiverFile(`    ${kind}_configs: [{ ${lines} }]`))
    const [channel] = config.channels({ ...testDeps(), actions })
    const [plain] = config.channels(testDeps())
    const firing = channel!.preview(notification())
    for (const word of ['确认', '静默']) expect(firing).toContain(word)
    expect(firing.match(/http:\/\/127\.0\.0\.1:9700\/notify\/act\/[\w-]+\.[\w-]{43}/g)?.length).toBeGreaterThanOrEqual(
      2,
    )
    expect(channel!.preview(notification([alert({ endsAt: at })]))).not.toContain('/notify/act/')
    expect(plain!.preview(notification())).not.toContain('/notify/act/')
  })

  it('with links is one that the robot takes', async () => {
    const deps = testDeps()
    const robot = dingtalkRobot({ secret: 'SECx', now: () => deps.clock.now() })
    const post = openPostTo({ 'd.example': robot.answer })
    const file = receiverFile(
      `    dingtalk_configs: [{ url: "https://d.example${robot.path}", secret: SECx, message_type: action_card }]`,
    )
    const [channel] = load(file).channels({ clock: deps.clock, post, actions })
    expect(await channel!.send(notification(), new AbortController().signal)).toMatchObject({ ok: true })
    expect(robot.messages()[0]!.body.actionCard!.btns).toHaveLength(5)
  })
})
