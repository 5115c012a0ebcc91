// Messages in their users' own words: files of templates, keys of receivers, and what is refused when they are read.

import { describe, expect, it } from 'vitest'
import { subject } from '../../../server/notify/render/message.ts'
import { builtInLibrary } from '../../../server/notify/template/built-in.ts'
import { alert, at, many, notification } from './sample.ts'
import { bodyOf, faultsOf, jsonOf, open, robot, set, slack, webhook } from './template-world.ts'

const ended = alert({ endsAt: at - 1000 })

describe('the templates that the program brings', () => {
  const names = [...builtInLibrary().definitions.keys()].filter((name) =>
    /\.default\.|^__(?:subject|alertmanager)/.test(name),
  )

  it('are all that Alertmanager has, by name', () => {
    expect(names.length).toBeGreaterThan(60)
    for (const name of [
      '__subject',
      'slack.default.title',
      'email.default.html',
      'wechat.default.message',
      'pagerduty.default.clientURL',
    ])
      expect(names).toContain(name)
  })

  it.each(names)('%s can be rendered, firing and resolved, as text and as HTML', (name) => {
    for (const form of ['text', 'html'] as const) {
      const argument = name === 'pagerduty.default.instances' ? '.Alerts' : '.'
      const template = set([]).compile(`{{ template "${name}" ${argument} }}`, form)
      for (const of of [notification(many(3)), notification([ended])]) {
        const { text, fault } = template.render(of)
        expect(fault).toBe(null)
        expect(text).not.toContain('no value')
      }
    }
  })

  it.each([
    ['one alert', notification()],
    ['several', notification(many(3))],
    ['the end of one', notification([ended])],
    ['no group labels', notification([alert()], { groupLabels: {} })],
  ])('write the subject as the program does: %s', (_title, of) => {
    const { text } = set([]).compile('{{ template "__subject" . }}', 'text').render(of)
    if (Object.keys(of.groupLabels).length > 0) expect(text).toBe(subject(of))
    else expect(text).toMatch(/^\[FIRING:1\] \(GpuTooHot /)
  })
})

describe('the data of a template', () => {
  it.each([
    ['{{ .Receiver }} {{ .Status }} {{ .ExternalURL }}', 'oncall firing http://127.0.0.1:9700'],
    [
      '{{ .GroupLabels.alertname }} {{ .CommonLabels.model }} {{ .CommonAnnotations.value }}',
      'GpuTooHot deepseek_v2 93',
    ],
    ['{{ len .Alerts }} {{ len .Alerts.Firing }} {{ len .Alerts.Resolved }}', '2 1 1'],
    ['{{ range .Alerts }}{{ .Status }}{{ .EndsAt.IsZero }} {{ end }}', 'firingtrue resolvedfalse '],
    [
      '{{ range .Alerts.Firing }}{{ .StartsAt | tz "Asia/Shanghai" | date "15:04:05 MST" }} {{ .Fingerprint }}{{ end }}',
      '10:00:00 CST c0ffee0000000001',
    ],
    ['{{ .NotificationReason }} {{ now | date "2006" }}', 'first notification 2026'],
    ['[{{ .CommonLabels.absent }}] [{{ .RouteLabels }}] [{{ routeLabels "x" }}]', '[] [] []'],
  ])('%s gives %s', (text, expected) => {
    const { text: output, fault } = set([])
      .compile(text, 'text')
      .render(notification([alert(), { ...ended, fingerprint: 'b' }]))
    expect(fault ?? output).toBe(expected)
  })
})

describe('files of templates', () => {
  const files = {
    '/etc/inferward/t/b.tmpl': '{{ define "mine" }}from b{{ end }}',
    '/etc/inferward/t/a.tmpl': '{{ define "mine" }}from a{{ end }}{{ define "slack.default.title" }}own title{{ end }}',
    '/etc/inferward/t/a.txt': '{{ broken',
    '/etc/inferward/u/x1/one.tmpl': '{{ define "one" }}1{{ end }}',
    '/etc/inferward/u/x2/one.tmpl': '{{ define "two" }}2{{ end }}',
  }

  it.each([
    [['t/*.tmpl'], ['/etc/inferward/t/a.tmpl', '/etc/inferward/t/b.tmpl']],
    [
      ['t/b.tmpl', 't/*.tmpl'],
      ['/etc/inferward/t/b.tmpl', '/etc/inferward/t/a.tmpl'],
    ],
    [['u/x?/*.tmpl'], ['/etc/inferward/u/x1/one.tmpl', '/etc/inferward/u/x2/one.tmpl']],
    [['/etc/inferward/u/x[2-9]/o*'], ['/etc/inferward/u/x2/one.tmpl']],
    [['t/[^b].tmpl'], ['/etc/inferward/t/a.tmpl']],
    [['gone/*.tmpl', 'gone.tmpl'], []],
  ])('%j are %j', (patterns, expected) => {
    expect(set(patterns, files).files).toEqual(expected)
  })

  it('win over the built-in ones, and the later over the earlier', () => {
    const { compile, faults } = set(['t/*.tmpl'], files)
    expect(faults).toEqual([])
    const { text } = compile('{{ template "mine" . }}, {{ template "slack.default.title" . }}', 'text').render(
      notification(),
    )
    expect(text).toBe('from b, own title')
  })

  it('that match nothing are named in a warning', () => {
    expect(open('', 'templates: [gone/*.tmpl]\n').warnings).toEqual([
      'alertmanager.yml: templates[0]: nothing matches gone/*.tmpl',
    ])
  })

  it.each([
    ['no template', '{{ define "x" }}\n  {{ .A', '/etc/inferward/t.tmpl:2:7: unclosed action'],
    [
      'an unknown function',
      'a\n{{ define "x" }}{{ humanize 1 }}{{ end }}',
      '/etc/inferward/t.tmpl:2:19: function "humanize" not defined',
    ],
    [
      'a call of what nobody defines',
      '{{ define "x" }}{{ template "slack.default.titel" . }}{{ end }}',
      '/etc/inferward/t.tmpl:1:28: template "slack.default.titel" is defined nowhere',
    ],
  ])('with %s are refused with file, line and column', (_title, text, expected) => {
    expect(faultsOf('', 'templates: [t.tmpl]\n', { '/etc/inferward/t.tmpl': text })).toBe(
      `/etc/inferward/alertmanager.yml:1:1: templates: ${expected}`,
    )
  })

  it('that are refused are the only fault, not what calls the templates that they should have defined', () => {
    const broken = { '/etc/inferward/t.tmpl': '{{ define "w" }}{{ nope }}{{ end }}' }
    expect(faultsOf(webhook('"{{ template \\"w\\" . }}"'), 'templates: [t.tmpl]\n', broken)).toBe(
      '/etc/inferward/alertmanager.yml:1:1: templates: /etc/inferward/t.tmpl:1:19: function "nope" not defined',
    )
  })

  it('are read anew with the configuration: what was opened before keeps its words', () => {
    const lines = webhook('"{{ template \\"w\\" . }}"')
    const before = open(lines, 'templates: [t.tmpl]\n', { '/etc/inferward/t.tmpl': '{{ define "w" }}before{{ end }}' })
    const after = open(lines, 'templates: [t.tmpl]\n', { '/etc/inferward/t.tmpl': '{{ define "w" }}after{{ end }}' })
    expect([jsonOf(before.channels[0]!), jsonOf(after.channels[0]!)]).toEqual(['before', 'after'])
  })
})

describe('a key of a receiver that is no template', () => {
  it.each([
    [
      slack('        title: "{{ .Status"'),
      ':7:9: receivers[0].slack_configs[0].title: not a template: 1:10: unclosed action',
    ],
    [
      slack('        fields: [{ title: a, value: "{{ nope }}" }]'),
      'receivers[0].slack_configs[0].fields[0].value: not a template: 1:3: function "nope" not defined',
    ],
    [
      webhook('{ a: { b: ["{{ template \\"no\\" }}"] } }'),
      ':7:29: receivers[0].webhook_configs[0].payload.a.b[0]: not a template: 1:12: template "no" is defined nowhere',
    ],
    [
      '    email_configs:\n      - to: a@b.c\n        html: "{{ end }}"',
      'receivers[0].email_configs[0].html: not a template: 1:7: unexpected {{end}}',
    ],
    [
      '    email_configs:\n      - to: a@b.c\n        headers: { Subject: "{{ $x }}" }',
      'receivers[0].email_configs[0].headers.Subject: not a template: 1:3: undefined variable "$x"',
    ],
    [
      '    email_configs:\n      - to: a@b.c\n        headers: { subject: a, SUBJECT: b, "a b": c, date: d }',
      'headers.SUBJECT: the header Subject is set twice',
    ],
    [
      '    email_configs:\n      - to: "{{ .CommonLabels.owner }}@b.c"',
      'email_configs[0].to: a template cannot choose who is written to',
    ],
    [
      `    dingtalk_configs:\n      - ${robot}\n        text: "{{ range }}"`,
      'receivers[0].dingtalk_configs[0].text: not a template: 1:9: missing value for range',
    ],
  ])('is refused where it stands: %s', (lines, expected) => {
    expect(faultsOf(lines, 'global: { smtp_smarthost: "h:25", smtp_from: a@b.c }\n')).toContain(
      expected.replace(/^:(\d+)/, (_, line: string) => `:${Number(line) + 1}`),
    )
  })
})

describe('a mail in its own words', () => {
  const mail = (keys: string) =>
    open(
      `    email_configs:\n      - to: ops@example.org\n${keys}`,
      'global: { smtp_smarthost: "127.0.0.1:25", smtp_from: a@example.org }\n',
    ).channels[0]!

  it('has its own subject and headers, one line each', () => {
    const shown = mail(
      '        headers: { subject: "{{ .Status }}\\n{{ .GroupLabels.alertname }}", X-Team: "{{ .CommonLabels.model }}" }',
    ).preview(notification())
    expect(shown).toContain('\nSubject: firing GpuTooHot\n')
    expect(shown).toContain('\nX-Team: deepseek_v2')
  })

  it('has its own text, and no HTML where that is empty', () => {
    expect(bodyOf(mail('        html: ""\n        text: "{{ len .Alerts }} alerts"'))).toBe('1 alerts')
  })

  it('escapes what labels hold in its HTML, for the place where it stands', () => {
    const html =
      '        text: ""\n        html: \'<p title="{{ .CommonLabels.host }}">{{ .CommonLabels.host }}</p><a href="{{ .CommonAnnotations.runbook_url }}">r</a>\''
    const evil = alert({ labels: { host: '<script>"x"' }, annotations: { runbook_url: 'javascript:alert(1)' } })
    expect(bodyOf(mail(html), notification([evil]))).toBe(
      '<p title="&lt;script&gt;&#34;x&#34;">&lt;script&gt;&#34;x&#34;</p><a href="#ZgotmplZ">r</a>',
    )
  })
})

describe('a Slack message in its own words', () => {
  it('is one attachment with Alertmanager’s keys, defaults by name where a key is not set', () => {
    const keys = [
      '        channel: "#{{ .CommonLabels.model }}"',
      '        text: "{{ range .Alerts }}{{ .Labels.host }} {{ end }}"',
      '        fields: [{ title: Rule, value: "{{ .GroupLabels.alertname }}", short: true }, { title: n, value: "{{ len .Alerts }}" }]',
      '        link_names: true',
    ].join('\n')
    expect(jsonOf(open(slack(keys)).channels[0]!)).toEqual({
      channel: '#deepseek_v2',
      link_names: true,
      attachments: [
        {
          title: subject(notification()),
          title_link: 'http://127.0.0.1:9700',
          text: 'gpu-01 ',
          fallback: `${subject(notification())} | http://127.0.0.1:9700`,
          color: 'danger',
          fields: [
            { title: 'Rule', value: 'GpuTooHot', short: true },
            { title: 'n', value: '1', short: false },
          ],
          mrkdwn_in: ['fallback', 'pretext', 'text'],
        },
      ],
    })
  })

  it('is the program’s where no key of it is set', () => {
    expect(jsonOf(open(slack('        channel: "#ops"')).channels[0]!)).toMatchObject({
      channel: '#ops',
      blocks: [{ type: 'section' }],
    })
  })
})

describe('the payload of a webhook', () => {
  it('is any shape; a text that becomes JSON stands as what it is', () => {
    const payload = [
      '',
      '          "{{ .Status }}":',
      '            - "{{ len .Alerts }}"',
      '            - { open: true, nothing: null, n: 5, labels: "{{ toJson .CommonLabels }}" }',
      '          text: "{{ .CommonLabels.gpu }} of {{ .GroupLabels.alertname }}"',
      '          braces: "{ {{ .Status }} }"',
      '          version: "1.10.0"',
    ].join('\n')
    expect(jsonOf(open(webhook(payload)).channels[0]!)).toEqual({
      firing: [1, { open: true, nothing: null, n: 5, labels: notification().commonLabels }],
      text: '3 of GpuTooHot',
      braces: '{ firing }',
      version: '1.10.0',
    })
  })

  it('does not read what a label holds as a template', () => {
    const label = '{{ template "x" }}'
    const of = notification([alert({ labels: { host: label } })])
    expect(jsonOf(open(webhook('["{{ .CommonLabels.host }}"]')).channels[0]!, of)).toEqual([label])
  })
})

describe('a robot’s message in its own words', () => {
  const lines = (text: string): string =>
    [
      `    dingtalk_configs:\n      - ${robot}\n        keyword: 告警\n        mentions: { mobiles: [13800000000] }\n        title: "{{ .Status }}"\n        text: ${text}`,
      `    wecom_configs:\n      - key: 693a91f6-7xxx-4bc4-97a0-0ec2sifa5aaa\n        mentions: { user_ids: [li] }\n        text: ${text}`,
      `    feishu_configs:\n      - url: https://open.feishu.cn/open-apis/bot/v2/hook/abcdefgh\n        title: "{{ .Status }}"\n        text: ${text}`,
    ].join('\n')

  it('keeps keyword and mentions behind it', () => {
    const [dingtalk, wecom, feishu] = open(
      lines('"**{{ .GroupLabels.alertname }}** on {{ .CommonLabels.host }}"'),
    ).channels
    expect(jsonOf(dingtalk!).markdown).toEqual({
      title: 'firing',
      text: '**GpuTooHot** on gpu-01\n\n告警 @13800000000',
    })
    expect(jsonOf(wecom!).markdown.content).toBe('**GpuTooHot** on gpu-01\n\n<@li>')
    expect(jsonOf(feishu!).card).toMatchObject({
      header: { title: { content: 'firing' } },
      elements: [{ content: '**GpuTooHot** on gpu-01' }, {}],
    })
  })

  it('is cut to the bytes that the robot takes, with a mark, and then the tail', () => {
    const [dingtalk, wecom] = open(lines('"{{ range .Alerts }}{{ .Annotations.summary }}；{{ end }}"')).channels
    const of = notification(many(900))
    const text: string = jsonOf(dingtalk!, of).markdown.text
    expect(text).toMatch(/…（已截断，全文 \d+ 字节）\n\n告警 @13800000000$/)
    expect(Buffer.byteLength(JSON.stringify(jsonOf(dingtalk!, of)))).toBeLessThanOrEqual(20_000)
    const content: string = jsonOf(wecom!, of).markdown.content
    expect(Buffer.byteLength(content)).toBeLessThanOrEqual(4096)
    expect(content.endsWith('<@li>')).toBe(true)
    expect([dingtalk!.shown!(of), wecom!.shown!(of)]).toEqual([0, 0])
  })
})

describe('a message that is not of one group alone', () => {
  const lines = `    dingtalk_configs:\n      - ${robot}\n        text: "own {{ len .Alerts }}"\n${slack('        text: "own {{ len .Alerts }}"')}`

  it('says which part it is', () => {
    const [dingtalk] = open(lines).channels
    const part = notification(many(3), { part: { number: 2, of: 3 } })
    expect(jsonOf(dingtalk!, part).markdown.text).toBe('[2/3] own 3')
  })

  it('is told in the program’s words when it is a digest: no template was written for one', () => {
    const { channels, faults } = open(lines)
    for (const channel of channels) {
      const text = bodyOf(channel, notification(many(3), { digest: true }))
      expect(text, channel.name).toContain('gpu-02')
      expect(text, channel.name).not.toContain('own 3')
    }
    expect(faults()).toBe(0)
  })
})
