// Templates that try to take all there is: steps, output, one value, nesting, time. Each ends soon and says why, whatever it is given.

import { describe, expect, it } from 'vitest'
import { isInferwardError } from '../../../../core/base/errors.ts'
import { notificationData } from '../../../../core/rules/gotemplate/alertmanager-data.ts'
import { alertmanagerFunctions } from '../../../../core/rules/gotemplate/alertmanager-functions.ts'
import { defaultLimits } from '../../../../core/rules/gotemplate/budget.ts'
import { parseTemplate } from '../../../../core/rules/gotemplate/template.ts'

/** `$s` and `$t`: two texts of a quarter million characters. */
const grown = (seed: string): string =>
  `{{ $s := "${seed}" }}{{ range 17 }}{{ $s = printf "%s%s" $s $s }}{{ end }}{{ $t := printf "%sx" (slice $s 1) }}`
const forever = (body: string, before = ''): string => `${before}{{ range 1000000000 }}${body}{{ end }}`
const each = (count: number, text: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => text(index)).join('')
const nested = (step: string, start: string): string => `{{ $x := ${start} }}{{ range 60 }}{{ $x = ${step} }}{{ end }}`

const label = 'x'.repeat(200)
const alerts = Array.from({ length: 1000 }, (_, index) => ({
  status: 'firing' as const,
  labels: { alertname: 'Hot', host: `gpu-${index}` },
  annotations: { summary: label },
  startsAt: 0,
  endsAt: null,
  generatorUrl: '',
  fingerprint: String(index),
}))
const data = notificationData({
  receiver: 'oncall',
  status: 'firing',
  alerts,
  groupLabels: {},
  commonLabels: Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`label${index}`, label])),
  commonAnnotations: {},
  externalUrl: '',
})

/** What the template throws, or the length of what it gives, and the seconds of the processor that it took. */
function attack(text: string, html = false): { readonly end: string; readonly seconds: number } {
  const before = process.cpuUsage()
  const seconds = (): number => {
    const { user, system } = process.cpuUsage(before)
    return (user + system) / 1e6
  }
  try {
    const template = parseTemplate(text, { name: 'x', functions: alertmanagerFunctions, html })
    const output = template.execute(data, { nowMs: 0 })
    return { end: `${output.length} characters`, seconds: seconds() }
  } catch (error) {
    if (!isInferwardError(error)) throw error
    return { end: `${error.code}: ${error.message}`, seconds: seconds() }
  }
}

const tooManySteps = 'template.too_much: template takes more than 200000 steps'
const tooMuchOutput = 'template.too_much: template takes more than 65536 characters of output'

describe('a template that', () => {
  it.each([
    ['loops', forever('')],
    ['loops in loops', forever(forever(forever('')))],
    [
      'loops over alerts in alerts',
      '{{ range .Alerts }}{{ range $.Alerts }}{{ range $.Alerts.Firing }}{{ end }}{{ end }}{{ end }}',
    ],
    [
      'calls two of itself',
      '{{ define "a" }}{{ range 9 }}{{ template "b" . }}{{ end }}{{ end }}{{ define "b" }}{{ range 9 }}{{ range 9 }}{{ range 9 }}{{ range 9 }}{{ range 9 }}{{ end }}{{ end }}{{ end }}{{ end }}{{ end }}{{ end }}{{ template "a" . }}{{ template "a" . }}{{ template "a" . }}',
    ],
    ['pads numbers', forever('{{ $x := printf "%100000d" 1 }}')],
    ['grows a list', forever('{{ $x = append $x 1 }}', '{{ $x := list 1 }}')],
    ['cuts a long text', forever('{{ $x := slice $s 0 1 }}', grown('é'))],
    ['looks into a long text', forever('{{ $x := index $s 0 }}', grown('é'))],
    ['measures a long text', forever('{{ $x := len $s }}', grown('é'))],
    ['compares long texts', forever('{{ $x := eq $s $t }}{{ $x = lt $s $t }}', grown('a'))],
    ['changes the case of a long text', forever('{{ $x := len (toUpper $s) }}{{ $x = len (title $s) }}', grown('é'))],
    ['trims a long text', forever('{{ $x := trimSpace $s }}', grown(' '))],
    ['quotes a long text', forever('{{ $x := printf "%.1q" $s }}', grown('é'))],
    ['encodes a long text', forever('{{ $x := len (base64encode $s) }}', '{{ $s := printf "%180000d" 1 }}')],
    ['matches a long text', forever('{{ $x := match "(a*)*b" $s }}', grown('a'))],
    [
      'matches with ever other patterns',
      '{{ range $i := 1000000000 }}{{ $x := match (printf "(a{400}|b{%d}){2}" $i) "x" }}{{ end }}',
    ],
    ['writes times', forever('{{ $x := now | tz "Asia/Shanghai" | date "2006-01-02 15:04:05 MST" }}')],
    ['sorts labels', forever('{{ $x := .CommonLabels.SortedPairs }}').replace('.Common', '$.Common')],
    ['writes all alerts as JSON', forever('{{ $x := len (toJson $.CommonLabels) }}')],
  ])('%s takes no more than its steps', (_title, text) => {
    const { end, seconds } = attack(text)
    expect(end).toBe(tooManySteps)
    expect(seconds).toBeLessThan(5)
  })

  it.each([
    ['writes without end', forever('some words'), tooMuchOutput],
    ['doubles what it writes', `${grown('a')}{{ $s }}`, tooMuchOutput],
    [
      'doubles a text',
      nested('printf "%s%s" $x $x', '"ab"'),
      'template takes more than 262144 characters in one value',
    ],
    [
      'doubles a list and prints it',
      `${nested('list $x $x', 'list 1')}{{ $x }}`,
      'template takes more than 65536 characters in one value',
    ],
    [
      'doubles a list and writes it as JSON',
      `${nested('list $x $x', 'list 1')}{{ toJson $x }}`,
      'template takes more than',
    ],
    ['asks for a wide number', '{{ printf "%99999999d" 1 }}', '%!(BADWIDTH)'],
    [
      'replaces nothing by much',
      `${grown('a')}{{ $x := reReplaceAll "" $s $s }}`,
      'template takes a value of more than 262144 characters',
    ],
    [
      'asks for a long layout',
      `${grown('a')}{{ date $s now }}`,
      'error calling date: a layout of more than 1000 characters',
    ],
  ])('%s is stopped', (_title, text, words) => {
    const { end, seconds } = attack(text)
    if (words.startsWith('%')) expect(Number.parseInt(end, 10)).toBeLessThan(100)
    else expect(end).toContain(words)
    expect(seconds).toBeLessThan(5)
  })

  it.each([
    [
      'calls itself',
      '{{ define "a" }}{{ template "a" . }}{{ end }}{{ template "a" . }}',
      'exceeded maximum template depth (400)',
    ],
    [
      'calls itself by another',
      '{{ define "a" }}{{ template "b" . }}{{ end }}{{ define "b" }}{{ template "a" . }}{{ end }}{{ template "a" . }}',
      'exceeded maximum template depth (400)',
    ],
    [
      'nests a list and prints it',
      `{{ $x := list 1 }}{{ range 3000 }}{{ $x = list $x }}{{ end }}{{ $x }}`,
      'values nested more than 100 deep',
    ],
    ['nests parentheses', `{{ ${'('.repeat(100_000)}1${')'.repeat(100_000)} }}`, 'max expression depth exceeded'],
    [
      'nests conditions',
      `${'{{ if 1 }}'.repeat(50_000)}${'{{ end }}'.repeat(50_000)}`,
      'max expression depth exceeded',
    ],
    ['chains conditions', `{{ if 0 }}${'{{ else if 0 }}'.repeat(50_000)}{{ end }}`, 'max expression depth exceeded'],
    ['declares variables without end', each(50_000, (index) => `{{ $v${index} := 1 }}`), 'more than 1000 variables'],
    ['is longer than a megabyte', 'x'.repeat((1 << 20) + 1), 'longer than 1048576 characters'],
    ['gives a function arguments without end', `{{ print ${'1 '.repeat(300_000)} }}`, 'template takes more'],
  ])('%s is refused or stopped: nesting and size', (_title, text, words) => {
    const { end, seconds } = attack(text)
    expect(end).toContain(words)
    expect(seconds).toBeLessThan(5)
  })

  it.each([
    ['opens tags without end', '<a href="{{ 1 }}'.repeat(40_000)],
    ['has many a lone less-than', `${'<'.repeat(300_000)}{{ 1 }}`],
    ['vouches for a long text of tags', `<p title="${grown('<')}{{ $s | safeHtml }}">`],
    ['vouches for a long text of comments', `<p title="${grown('<!')}{{ $s | safeHtml }}">`],
    ['never ends a title', `<title>${'</titl'.repeat(60_000)}{{ 1 }}`],
  ])('%s ends soon as a page', (_title, text) => {
    const { end, seconds } = attack(text, true)
    expect(end).toMatch(/^template\.(?:too_much|failed): /)
    expect(seconds).toBeLessThan(5)
  })

  it('is cut where its output ends, and hands over what it wrote', () => {
    const template = parseTemplate(forever('ab'), { functions: alertmanagerFunctions })
    let written = ''
    const render = () => template.execute(data, {}, (text) => (written = text))
    expect(render).toThrow(expect.objectContaining({ code: 'template.too_much' }))
    expect(written).toBe('ab'.repeat(defaultLimits.output / 2))
  })
})
