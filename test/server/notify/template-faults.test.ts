// A template that fails at night costs its words and nothing else: the message goes out, says why it is not in them, and is counted.

import { describe, expect, it } from 'vitest'
import { openWebhookSink } from '../../helpers/sinks/webhook-sink.ts'
import { never } from './deps.ts'
import { notification } from './sample.ts'
import { open, robot, slack, webhook } from './template-world.ts'

describe('a template that fails when it is rendered', () => {
  const failing = [
    ['a field that is not there', '{{ .Nope }}', "can't evaluate field Nope in type"],
    ['a nil', '{{ (index .Alerts 0).Labels.x.y }}', "can't evaluate field y in type string"],
    ['an index out of range', '{{ index .Alerts 7 }}', 'index out of range: 7'],
    ['a function that refuses', '{{ mustToDate "2006" "soon" }}', 'error calling mustToDate'],
    ['a call of nothing', '{{ call nil }}', 'call of nil'],
    ['endless recursion', '{{ template "again" . }}', 'exceeded maximum template depth (400)'],
    ['an endless loop', '{{ range 1000000000 }}{{ end }}', 'template takes more than 1000000 steps'],
    [
      'a flood of output',
      `{{ range 1000000000 }}${'some words '.repeat(20)}{{ end }}`,
      'template takes more than 4194304 characters of output',
    ],
    [
      'a text that doubles',
      '{{ $x := "ab" }}{{ range 60 }}{{ $x = printf "%s%s" $x $x }}{{ end }}',
      'template takes more than 1000000 steps',
    ],
  ] as const
  const files = { '/etc/inferward/t.tmpl': '{{ define "again" }}{{ template "again" . }}{{ end }}' }
  const globals = 'templates: [t.tmpl]\nglobal: { smtp_smarthost: "127.0.0.1:25", smtp_from: a@example.org }\n'
  const lines = (text: string): string => {
    const quoted = JSON.stringify(text)
    return [
      slack(`        text: ${quoted}`),
      webhook(`{ text: ${quoted} }`),
      `    dingtalk_configs:\n      - ${robot}\n        text: ${quoted}`,
      `    wecom_configs:\n      - key: 693a91f6-7xxx-4bc4-97a0-0ec2sifa5aaa\n        text: ${quoted}`,
      `    email_configs:\n      - to: ops@example.org\n        text: ${quoted}\n      - to: ops@example.org`,
    ].join('\n')
  }

  it.each(
    failing,
  )('%s: the message goes out in the program’s words, and says so; it is counted once a channel', (_title, text, words) => {
    const { channels, faults } = open(lines(text), globals, files)
    const of = notification()
    const plain = channels.at(-1)!
    for (const channel of channels.filter((one) => one !== plain)) {
      const shown = channel.preview(of).replaceAll('\\"', '"')
      expect(shown, channel.name).toContain(words)
      for (const fact of ['GpuTooHot', 'gpu-01', 'GPU 3 温度过高']) expect(shown, channel.name).toContain(fact)
      channel.preview(of)
    }
    expect(faults()).toBe(5)
    // Its neighbour, which has no template, says nothing of it.
    expect(plain.preview(of)).not.toContain('emplate')
    expect(faults()).toBe(5)
  })

  it('is delivered all the same, under the identity that every attempt has; its neighbours get their own words', async () => {
    const sink = await openWebhookSink()
    try {
      const entry = (payload: string): string => `      - url: ${sink.url}\n        payload: ${payload}\n`
      const both = `    webhook_configs:\n${entry('{ text: "{{ template \\"again\\" . }}" }')}${entry('{ text: "{{ .Status }}" }')}`
      const { channels, faults } = open(both, globals, files)
      const of = notification()
      for (const channel of channels) expect(await channel.send(of, never)).toMatchObject({ ok: true })
      await channels[0]!.send(of, never)
      const [failed, own, again] = sink.posted()
      expect(JSON.parse(failed!.text)).toMatchObject({
        version: '4',
        alerts: [{ labels: { host: 'gpu-01' } }],
        templateFault: expect.stringContaining('exceeded maximum template depth (400)'),
      })
      expect(JSON.parse(own!.text)).toEqual({ text: 'firing' })
      expect(again!.text).toBe(failed!.text)
      expect(again!.headers['idempotency-key']).toBe(of.id)
      expect(faults()).toBe(1)
    } finally {
      await sink.close()
    }
  })
})
