// `check templates`: the verdict on files and configurations, and the words that a message would have.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import * as path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { checkTemplates } from '../../cli/templates/check.ts'
import { notificationOf } from '../../cli/templates/data.ts'

const now = Date.UTC(2026, 10, 24, 12)
const sample = {
  alerts: [
    {
      labels: { alertname: 'Hot', host: 'gpu-01' },
      annotations: { summary: 'too <hot>' },
      startsAt: '2026-11-24T11:00:00Z',
    },
    {
      status: 'resolved',
      labels: { alertname: 'Hot', host: 'gpu-02' },
      startsAt: '2026-11-24T10:00:00Z',
      endsAt: '2026-11-24T11:30:00Z',
    },
  ],
  groupLabels: { alertname: 'Hot' },
}
const notification = notificationOf(JSON.stringify(sample), now)

describe('check templates', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'inferward-templates-'))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  const write = (name: string, text: string): string => {
    const file = path.join(folder, name)
    writeFileSync(file, text)
    return file
  }
  const check = (files: readonly string[], more: { readonly text?: string; readonly form?: 'text' | 'html' } = {}) =>
    checkTemplates({ files, environment: {}, notification, form: 'text', ...more })

  it('renders a text over the files, with the data that was given', () => {
    const file = write('a.tmpl', '{{ define "line" }}{{ .Labels.host }}: {{ .Annotations.summary }}{{ end }}')
    const text =
      '{{ range .Alerts.Firing }}{{ template "line" . }}{{ end }} {{ len .Alerts.Resolved }} {{ .CommonLabels }}'
    const { files, rendered } = check([file], { text })
    expect(files).toEqual([{ file, good: true, faults: [], warnings: [], messages: [] }])
    expect(rendered).toEqual({ output: 'gpu-01: too <hot> 1 alertname=Hot', fault: null })
    expect(check([file], { text, form: 'html' }).rendered?.output).toBe('gpu-01: too &lt;hot&gt; 1 alertname=Hot')
  })

  it('tells the faults of each file, whatever the file is called', () => {
    const bad = write('b[1]*.tmpl', 'x\n{{ define "b" }}{{ nope }}{{ end }}')
    const good = write('c.tmpl', '{{ define "c" }}{{ end }}')
    expect(check([bad, good]).files.map(({ good, faults }) => [good, faults])).toEqual([
      [false, [`${bad}:2:19: function "nope" not defined`]],
      [true, []],
    ])
  })

  it.each(['gone.tmpl', 'gone.yml'])('ends where %s is not there', (name) => {
    expect(() => check([path.join(folder, name)])).toThrow(expect.objectContaining({ code: 'cli.file' }))
  })

  it.each([
    ['{{ .Nope }}', "can't evaluate field Nope"],
    ['{{ if }}', 'not a template: 1:6: missing value for if'],
    ['{{ template "no" }}', 'not a template: 1:12: template "no" is defined nowhere'],
  ])('tells why %s gives nothing', (text, words) => {
    const { rendered } = check([], { text })
    expect(rendered?.output).toBeNull()
    expect(rendered?.fault).toContain(words)
  })

  it('shows the messages of a configuration and sends nothing', () => {
    write('own.tmpl', '{{ define "own" }}{{ len .Alerts }} alerts{{ end }}')
    const file = write(
      'alertmanager.yml',
      'templates: ["*.tmpl", gone.tmpl]\nroute: { receiver: a }\nreceivers:\n  - name: a\n    webhook_configs:\n      - { url: "http://127.0.0.1:1/secret", payload: { text: "{{ template \\"own\\" . }}" } }\n',
    )
    const [checked] = check([file]).files
    expect(checked).toMatchObject({
      good: true,
      faults: [],
      warnings: ['alertmanager.yml: templates[1]: nothing matches gone.tmpl'],
    })
    expect(checked?.messages.map((one) => one.channel)).toEqual(['a/webhook[0]'])
    expect(checked?.messages[0]?.message).toContain('"text": "2 alerts"')
    expect(checked?.messages[0]?.message).not.toContain('secret')
  })

  it('tells the faults of a configuration with their places', () => {
    const file = write(
      'am.yaml',
      'route: { receiver: a }\nreceivers:\n  - name: a\n    webhook_configs: [{ url: "http://h/", payload: "{{" }]\n',
    )
    const [bad] = check([file]).files
    expect(bad?.faults).toEqual([
      `${file}:4:43: receivers[0].webhook_configs[0].payload: not a template: 1:2: unclosed action`,
    ])
  })
})

describe('the data of check templates', () => {
  it.each([
    ['{', '--data: no JSON'],
    ['{}', '--data: alerts: '],
    ['{"alerts":[{"startsAt":"soon"}]}', '--data: alerts.0.startsAt: not a time'],
  ])('%s is refused: %s', (text, words) => {
    expect(() => notificationOf(text, now)).toThrow(words)
  })

  it('is what a webhook was sent: firing while one alert is', () => {
    expect(notification).toMatchObject({
      status: 'firing',
      commonLabels: { alertname: 'Hot' },
      alerts: [{ endsAt: null }, { endsAt: Date.UTC(2026, 10, 24, 11, 30) }],
    })
  })
})
