// Slack against a webhook that is as strict as the real one.

import { afterEach, describe, expect, it } from 'vitest'
import { openSlackSink } from '../../helpers/sinks/slack-sink.ts'
import { load, never, receiverFile, testDeps } from './deps.ts'
import { alert, many, notification } from './sample.ts'

const closing: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const one of closing.splice(0)) await one.close()
})

async function open(more = '', global = false) {
  const deps = testDeps()
  const sink = await openSlackSink({ now: () => deps.clock.now() })
  closing.push(sink)
  const text = global
    ? receiverFile(`    slack_configs: [{ channel: "#ops"${more} }]`, `global: { slack_api_url: "${sink.url}" }\n`)
    : receiverFile(`    slack_configs: [{ api_url: "${sink.url}"${more} }]`)
  return { deps, sink, channel: load(text).channels(deps)[0]! }
}

describe('a Slack message', () => {
  it('goes to the address of the file or of its global part, in the name and channel that are asked for', async () => {
    const { sink, channel } = await open(', username: iw, send_resolved: true', true)
    expect(channel).toMatchObject({ name: 'oncall/slack[0]', kind: 'slack', sendResolved: true })
    expect(await channel.send(notification(), never)).toEqual({ ok: true, reply: 'ok' })
    const { body } = sink.messages()[0]!
    expect(body).toMatchObject({ channel: '#ops', username: 'iw', text: '🔴 FIRING · GpuTooHot' })
    expect(body.blocks![0]!.text!.text).toContain('*Host*: gpu-01\n')
    expect(body.blocks![0]!.text!.text).toContain('<http://127.0.0.1:9700/|Console>')
  })

  it('does not tell of recoveries unless it is asked to, as upstream', async () => {
    expect((await open()).channel.sendResolved).toBe(false)
  })

  it('holds nothing of a label that links or calls', async () => {
    const { sink, channel } = await open()
    const labels = { alertname: 'A', severity: 'critical', host: '<!channel> <http://evil|x> &' }
    await channel.send(notification([alert({ labels })]), never)
    const text = sink
      .messages()[0]!
      .body.blocks!.map((one) => one.text!.text)
      .join('\n')
    expect(text).toContain('&lt;!channel&gt; &lt;http://evil|x&gt; &amp;')
    expect(text).not.toContain('<!')
  })

  it.each([1, 7, 60, 400])('of %i alerts with long lines is blocks of at most 3000 characters', async (count) => {
    const { sink, channel } = await open()
    const sent = notification(many(count, `显存 ${'x'.repeat(900)}`))
    expect(await channel.send(sent, never)).toMatchObject({ ok: true })
    expect(sink.refused()).toEqual([])
    const text = sink
      .messages()[0]!
      .body.blocks!.map((one) => one.text!.text)
      .join('\n')
    expect(text.match(/^• /gm)?.length ?? 1).toBe(channel.shown!(sent))
  })

  it('that comes too soon is tried again when Slack asks for it', async () => {
    const { channel, deps } = await open()
    expect(channel.quota).toMatchObject({ perMinute: 50, burst: 1 })
    await channel.send(notification(), never)
    const again = () => channel.send(notification([alert()], { id: 'b' }), never)
    expect(await again()).toMatchObject({ ok: false, code: 'rate_limited', retryAfterMs: 1000 })
    deps.clock.jump(1000)
    expect(await again()).toMatchObject({ ok: true })
  })

  it.each([
    { mood: { kind: 'html' }, result: { code: 'bad_reply', retryable: true } },
    { mood: { kind: 'status', status: 404 }, result: { code: 'http_4xx', retryable: false } },
    { mood: { kind: 'status', status: 503 }, result: { code: 'http_5xx', retryable: true } },
  ] as const)('that is answered with $mood fails as $result.code', async ({ mood, result }) => {
    const { sink, channel } = await open()
    sink.mood(mood)
    expect(await channel.send(notification(), never)).toMatchObject({ ok: false, ...result })
  })

  it('shows its address nowhere', async () => {
    const { sink, channel } = await open()
    sink.mood({ kind: 'body', body: sink.url })
    const shown = `${channel.preview(notification())}${JSON.stringify(await channel.send(notification(), never))}`
    expect(shown).not.toContain('slackcanary')
  })
})
