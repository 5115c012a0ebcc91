// Templates that configurations call without defining them. The names are Alertmanager's, so that a file that calls
// `{{ template "slack.default.title" . }}` loads as it is; the texts are ours. Each may be defined anew in a file of `templates:`.

import { alertmanagerFunctions } from '../../../core/rules/gotemplate/alertmanager-functions.ts'
import { emptyLibrary, extendLibrary, type Library } from '../../../core/rules/gotemplate/template.ts'

const parts: Readonly<Record<string, string>> = {
  __alertmanager: 'Inferward',
  __alertmanagerURL: '{{ .ExternalURL }}',
  __description: '',
  __subject:
    '[{{ toUpper .Status }}{{ if eq .Status "firing" }}:{{ len .Alerts.Firing }}{{ end }}]' +
    '{{ range .GroupLabels.SortedPairs }} {{ .Value }}{{ end }}' +
    '{{ with .CommonLabels.Remove .GroupLabels.Names }} ({{ join " " .SortedPairs.Values }}){{ end }}',
  __text_alert_list:
    '{{ range . }}- {{ .Labels.SortedPairs }}\n' +
    '{{ range .Annotations.SortedPairs }}  {{ .Name }}: {{ .Value }}\n{{ end }}' +
    '  since {{ date "2006-01-02 15:04:05 MST" .StartsAt }}' +
    '{{ if eq .Status "resolved" }}, until {{ date "2006-01-02 15:04:05 MST" .EndsAt }}{{ end }}\n' +
    '{{ with .GeneratorURL }}  {{ . }}\n{{ end }}{{ end }}',
  __text_alert_list_markdown:
    '{{ range . }}- **{{ .Labels.SortedPairs }}**\n' +
    '{{ range .Annotations.SortedPairs }}  - {{ .Name }}: {{ .Value }}\n{{ end }}' +
    '{{ with .GeneratorURL }}  - {{ . }}\n{{ end }}{{ end }}',
  __inferward_list: list('Firing:', 'Resolved:', '__text_alert_list'),
  __inferward_markdown: list('### Firing', '### Resolved', '__text_alert_list_markdown'),
  __inferward_rows:
    '{{ range . }}<tr><td style="padding:4px 12px 4px 0;vertical-align:top">{{ range .Labels.SortedPairs }}' +
    '<b>{{ .Name }}</b> {{ .Value }}<br>{{ end }}</td><td style="padding:4px 0;vertical-align:top">' +
    '{{ range .Annotations.SortedPairs }}<b>{{ .Name }}</b> {{ .Value }}<br>{{ end }}' +
    'since {{ date "2006-01-02 15:04:05 MST" .StartsAt }}' +
    '{{ with .GeneratorURL }}<br><a href="{{ . }}">source</a>{{ end }}</td></tr>{{ end }}',
}

function list(firing: string, resolved: string, template: string): string {
  const part = (title: string, alerts: string): string =>
    `{{ with .Alerts.${alerts} }}${title}\n{{ template "${template}" . }}{{ end }}`
  return part(firing, 'Firing') + part(resolved, 'Resolved')
}

const html =
  '<!doctype html><html><head><meta charset="utf-8"><title>{{ template "__subject" . }}</title></head>' +
  '<body style="font-family:sans-serif"><h2>{{ template "__subject" . }}</h2>' +
  '<p><a href="{{ template "__alertmanagerURL" . }}">{{ template "__alertmanager" . }}</a></p>' +
  '{{ with .Alerts.Firing }}<h3>Firing: {{ len . }}</h3><table>{{ template "__inferward_rows" . }}</table>{{ end }}' +
  '{{ with .Alerts.Resolved }}<h3>Resolved: {{ len . }}</h3><table>{{ template "__inferward_rows" . }}</table>{{ end }}' +
  '</body></html>'

const subject = '{{ template "__subject" . }}'
const sender = '{{ template "__alertmanager" . }}'
const address = '{{ template "__alertmanagerURL" . }}'
const alerts = '{{ template "__inferward_list" . }}'
const markdown = '{{ template "__inferward_markdown" . }}'
const annotated = `{{ join " " .CommonAnnotations.SortedPairs.Values }}\n${alerts}`
const color = '{{ if eq .Status "firing" }}danger{{ else }}good{{ end }}'

/** Kind → the rest of the name behind `KIND.default.` → text. */
const kinds: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  discord: { content: '', title: subject, message: alerts },
  email: { subject, html },
  jira: {
    summary: subject,
    description: markdown,
    priority:
      '{{ $worst := "" }}{{ range .Alerts }}{{ $s := .Labels.severity }}{{ if eq $s "critical" }}{{ $worst = "High" }}' +
      '{{ else if and (eq $s "warning") (ne $worst "High") }}{{ $worst = "Medium" }}' +
      '{{ else if and (eq $s "info") (eq $worst "") }}{{ $worst = "Low" }}{{ end }}{{ end }}{{ $worst }}',
  },
  mattermost: {
    color,
    username: sender,
    title: subject,
    titlelink: address,
    fallback: `${subject} | ${address}`,
    text: markdown,
  },
  msteams: { summary: subject, title: subject, text: markdown },
  msteamsv2: { title: subject, text: markdown },
  opsgenie: { message: subject, description: annotated, source: address },
  pagerduty: {
    description: subject,
    client: sender,
    clientURL: address,
    instances: '{{ template "__text_alert_list" . }}',
  },
  pushover: { title: subject, message: annotated, url: address },
  rocketchat: { title: subject, alias: sender, titlelink: address, emoji: '', iconurl: '', text: '' },
  slack: {
    title: subject,
    username: sender,
    fallback: `${subject} | ${address}`,
    callbackid: '',
    pretext: '',
    titlelink: address,
    iconemoji: '',
    iconurl: '',
    text: '',
    footer: '',
    color,
  },
  sns: { subject, message: annotated },
  telegram: { message: alerts },
  victorops: { state_message: annotated, entity_display_name: subject, monitoring_tool: sender },
  webex: { message: annotated },
  wechat: { message: `${subject}\n${annotated}${address}`, to_user: '', to_party: '', to_tag: '', agent_id: '' },
}

let library: Library | undefined

export function builtInLibrary(): Library {
  if (library !== undefined) return library
  const named = Object.entries(kinds).flatMap(([kind, texts]) =>
    Object.entries(texts).map(([name, text]) => [`${kind}.default.${name}`, text] as const),
  )
  const text = [...Object.entries(parts), ...named]
    .map(([name, body]) => `{{ define "${name}" }}${body}{{ end }}`)
    .join('')
  library = extendLibrary(emptyLibrary, { name: '', file: 'the built-in templates', text }, alertmanagerFunctions)
  return library
}
