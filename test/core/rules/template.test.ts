// Templates of labels and annotations: what they render, and what is refused when the file is read.

import { describe, expect, it } from 'vitest'
import { InferwardError } from '../../../core/base/errors.ts'
import { compileTemplate, type TemplateData } from '../../../core/rules/template.ts'

const data: TemplateData = {
  labels: { instance: 'h1', gpu: '0', bytes: '1048576', odd: '{{ $value }}' },
  value: 0.9321,
  externalLabels: { site: 'north' },
}

describe('a template', () => {
  it.each([
    ['plain text', 'plain text'],
    ['', ''],
    ['{{ $labels.instance }} is at {{ $value }}', 'h1 is at 0.9321'],
    ['{{$labels.instance}}/{{.Labels.gpu}} {{ .Value }}', 'h1/0 0.9321'],
    ['{{ $externalLabels.site }} {{ .ExternalLabels.site }}', 'north north'],
    ['[{{ $labels.absent }}]', '[]'],
    ['{{ $labels.constructor }}{{ $labels.toString }}', ''],
    ['{{ $labels.odd }}', '{{ $value }}'],
    ['{{ $value | humanizePercentage }}', '93.21%'],
    ['{{ humanize $value }}', '932.1m'],
    ['{{ $labels.bytes | humanize1024 }}B', '1MiB'],
    ['{{ printf "%.1f" $value }} {{ $value | printf "%.3f" }}', '0.9 0.932'],
    ['{{ $labels.instance | toUpper | toLower | toUpper }}', 'H1'],
    ['{{ "a | b" }} {{ `raw "x"` }}', 'a | b raw "x"'],
    ['a {{- $labels.gpu -}} b', 'a0b'],
    ['{{/* nothing */}}x', 'x'],
    ['{{ humanizeDuration 3661 }}', '1h 1m 1s'],
  ])('%s gives %s', (text, expected) => {
    const labels = Object.assign(Object.create(null), data.labels) as Record<string, string>
    const externalLabels = Object.assign(Object.create(null), data.externalLabels) as Record<string, string>
    expect(compileTemplate(text)({ labels, externalLabels, value: data.value })).toBe(expected)
  })

  it.each([
    ['{{ $labels.instance', '__alert_Hot:1:19: unclosed action'],
    ['ok {{ }}', '__alert_Hot:1:6: missing value for command'],
    ['one\ntwo {{ if $value }}x', '__alert_Hot:2:20: unexpected EOF'],
    ['{{ $label.foo }}', '__alert_Hot:1:3: undefined variable "$label"'],
    ['{{ tmpl "x" $value }}', '__alert_Hot:1:3: function "tmpl" not defined'],
    ['{{ humanise $value }}', '__alert_Hot:1:3: function "humanise" not defined'],
    ['{{ end }}', '__alert_Hot:1:7: unexpected {{end}}'],
  ])('%s is refused when it is read: %s', (text, words) => {
    expect(() => compileTemplate(text, '__alert_Hot')).toThrow(
      expect.objectContaining({ code: 'template.invalid', message: `template: ${words}` }),
    )
  })

  it.each([
    ['{{ $labels.instance | humanize }}', 'parsing "h1": invalid syntax'],
    ['{{ humanize }}', 'wrong number of args for humanize: want 1 got 0'],
    ['{{ .Nope }}', "can't evaluate field Nope in type struct {"],
    ['{{ query "up" }}', 'error calling query: queries are not available here'],
    ['{{ now }}', 'error calling now: no time was given to this template'],
    ['{{ range 1000000000 }}{{ end }}', 'template takes more than'],
    ['{{ define "x" }}{{ template "x" }}{{ end }}{{ template "x" }}', 'exceeded maximum template depth'],
  ])('%s tells in its own text what went wrong: %s', (text, words) => {
    const out = compileTemplate(text, '__alert_Hot')(data)
    expect(out.startsWith('<error expanding template: error executing template __alert_Hot: template')).toBe(true)
    expect(out).toContain(words)
    expect(out.endsWith('>')).toBe(true)
  })

  it('asks the evaluation for other series, at its moment', () => {
    const asked: string[] = []
    const query = (expression: string) => {
      asked.push(expression)
      return [
        { labels: [['host', 'b']] as const, value: 2 },
        { labels: [['host', 'a']] as const, value: 7.5 },
      ]
    }
    const text =
      '{{ range query (printf "up{site=%q}" $externalLabels.site) | sortByLabel "host" }}{{ .Labels.host }}={{ .Value }} {{ end }}{{ now }}'
    expect(compileTemplate(text)({ ...data, query, at: 1_500 })).toBe('a=7.5 b=2 1.5')
    expect(asked).toEqual(['up{site="north"}'])
  })

  it('that asks in vain says so, and the words of the store', () => {
    const query = (): never => {
      throw new InferwardError({ code: 'promql.invalid', message: '1:3: parse error: unexpected end of input' })
    }
    expect(compileTemplate('{{ query "up{" | first }}', '__alert_Hot')({ ...data, query })).toContain(
      'error calling query: 1:3: parse error: unexpected end of input>',
    )
  })

  it('knows where the server is', () => {
    const text = '{{ $externalURL }} {{ externalURL }} {{ pathPrefix }}'
    expect(compileTemplate(text)({ ...data, externalUrl: 'http://watch:9700/x' })).toBe(
      'http://watch:9700/x http://watch:9700/x /x',
    )
  })

  it('that would grow without end is cut', () => {
    const render = compileTemplate('{{ $labels.long }}{{ $labels.long }}')
    const text = render({ ...data, labels: { long: 'x'.repeat(60_000) } })
    expect(text).toHaveLength(64 * 1024 + 1)
    expect(text.endsWith('…')).toBe(true)
  })
})
