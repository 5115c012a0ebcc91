// Templates of labels and annotations: what they render, and what is refused when the file is read.

import { describe, expect, it } from 'vitest'
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
    ['{{ $labels.instance | humanize }}', 'h1'],
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
    ['{{ $labels.instance', 'template.invalid', 'not closed'],
    ['ok {{ }}', 'template.invalid', 'character 4'],
    ['{{ if $value }}x{{ end }}', 'template.unsupported', 'if'],
    ['{{ query "up" | first }}', 'template.unsupported', 'query'],
    ['{{ $label.foo }}', 'template.unsupported', '$label.foo'],
    ['{{ printf "%x" $value }}', 'template.unsupported', '%x'],
    ['{{ printf "%.1f %.1f" $value $value }}', 'template.unsupported', 'one value'],
    ['{{ humanize }}', 'template.invalid', 'needs a value'],
    ['{{ $value | $labels.gpu }}', 'template.invalid', 'takes no argument'],
  ])('%s is refused when it is read: %s', (text, code, words) => {
    let thrown: unknown
    try {
      compileTemplate(text)
    } catch (error) {
      thrown = error
    }
    expect(thrown).toMatchObject({ code })
    expect((thrown as Error).message).toContain(words)
  })

  it('that would grow without end is cut', () => {
    const render = compileTemplate('{{ $labels.long }}{{ $labels.long }}')
    const text = render({ ...data, labels: { long: 'x'.repeat(60_000) } })
    expect(text).toHaveLength(64 * 1024 + 1)
    expect(text.endsWith('…')).toBe(true)
  })
})
