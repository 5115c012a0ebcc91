// `inferward alerts list | explain ALERT`: what fires, and why somebody was told of it, or was not.

import { Command } from 'commander'
import { say, type Words } from '../language.ts'
import { ago, print } from '../output.ts'
import { outputOption, verbContext } from './shared.ts'

type Shown = {
  readonly fingerprint: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  readonly startsAt: string
  readonly status: {
    readonly state: string
    readonly silencedBy: readonly string[]
    readonly inhibitedBy: readonly string[]
  }
  readonly receivers: readonly { readonly name: string }[]
}
type Explained = {
  readonly alert: {
    readonly labels: Readonly<Record<string, string>>
    readonly state: string
    readonly startsAt: number
  }
  readonly inhibitedBy: { readonly rule: string; readonly fingerprint: string } | null
  readonly silencedBy: readonly string[]
  readonly targets: readonly {
    readonly route: string
    readonly receiver: string
    readonly channels: readonly string[]
    readonly muted: { readonly by: readonly string[]; readonly until: number } | null
  }[]
  readonly groups: readonly {
    readonly key: string
    readonly receiver: string
    readonly dueInMs: number
    readonly last: {
      readonly at: number
      readonly decisions: readonly {
        readonly channel: string
        readonly reason: string
        readonly until: number | null
      }[]
    } | null
  }[]
}

const words = {
  state: { en: 'state', zh: '状态' },
  since: { en: 'since', zh: '始于' },
  inhibitedBy: { en: 'inhibited by', zh: '被抑制于' },
  silencedBy: { en: 'silenced by', zh: '被静默于' },
  noChannelNobody: { en: 'no channel: nobody is told', zh: '没有通道:不会通知任何人' },
  route: { en: 'route', zh: '路由' },
  silentUntil: { en: 'silent until', zh: '安静至' },
  group: { en: 'group', zh: '分组' },
  until: { en: 'until', zh: '至' },
  lookedAtNext: { en: 'looked at next in', zh: '下次检查在' },
} as const satisfies Readonly<Record<string, Words>>

const labelsText = (labels: Readonly<Record<string, string>>): string =>
  Object.entries(labels)
    .filter(([name]) => name !== 'alertname')
    .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
    .join(' ')

export function alertsCommand(): Command {
  const alerts = new Command('alerts').description('alerts that fire, of our rules and posted by others')
  alerts
    .command('list')
    .description('what fires')
    .argument('[matchers...]', 'such as severity="critical" or host=~"gpu-.*"; all must hold')
    .option('--receiver <pattern>', 'only what goes to such a receiver')
    .option(...outputOption)
    .action(async (matchers: readonly string[], flags: { receiver?: string }, command: Command) => {
      const { client, format, lang } = verbContext(command)
      const query = new URLSearchParams(matchers.map((one): [string, string] => ['filter', one]))
      if (flags.receiver !== undefined) query.set('receiver', flags.receiver)
      const rows = (await client.get(`/alertmanager/api/v2/alerts?${query}`)) as readonly Shown[]
      const now = Date.now()
      print(
        rows,
        [
          { title: say(lang, { en: 'ALERT', zh: '告警' }), value: (row) => row.fingerprint },
          { title: say(lang, { en: 'NAME', zh: '名称' }), value: (row) => row.labels.alertname ?? null },
          { title: say(lang, { en: 'SINCE', zh: '已持续' }), value: (row) => ago(Date.parse(row.startsAt), now, lang) },
          { title: say(lang, { en: 'STATE', zh: '状态' }), value: (row) => row.status.state },
          {
            title: say(lang, { en: 'RECEIVERS', zh: '接收者' }),
            value: (row) => row.receivers.map(({ name }) => name).join(','),
          },
          { title: say(lang, { en: 'LABELS', zh: '标签' }), value: (row) => labelsText(row.labels) },
        ],
        format,
        say(lang, { en: 'No alerts.', zh: '没有告警。' }),
      )
    })
  alerts
    .command('explain')
    .description('which route an alert takes, why it was told or was not, and when it is looked at next')
    .argument('<alert>', 'fingerprint: 16 hexadecimal digits')
    .option(...outputOption)
    .action(async (alert: string, _flags: unknown, command: Command) => {
      const { client, format, lang } = verbContext(command)
      const said = (await client.get(`/api/v1/alerts/${encodeURIComponent(alert)}/explain`)) as Explained
      if (format === 'json') process.stdout.write(`${JSON.stringify(said, null, 2)}\n`)
      else process.stdout.write(`${explained(said, lang)}\n`)
    })
  return alerts
}

function explained({ alert, inhibitedBy, silencedBy, targets, groups }: Explained, lang: 'en' | 'zh'): string {
  const time = (at: number): string => new Date(at).toISOString()
  const lines = [
    `${alert.labels.alertname ?? ''} ${labelsText(alert.labels)}`,
    `${say(lang, words.state)}: ${alert.state} ${say(lang, words.since)} ${time(alert.startsAt)}`,
  ]
  if (inhibitedBy !== null)
    lines.push(`${say(lang, words.inhibitedBy)}: ${inhibitedBy.fingerprint} (${inhibitedBy.rule})`)
  if (silencedBy.length > 0) lines.push(`${say(lang, words.silencedBy)}: ${silencedBy.join(', ')}`)
  for (const { route, receiver, channels, muted } of targets) {
    const to = channels.length > 0 ? channels.join(', ') : say(lang, words.noChannelNobody)
    lines.push(`${say(lang, words.route)}: ${route} -> ${receiver} (${to})`)
    if (muted !== null) lines.push(`  ${say(lang, words.silentUntil)} ${time(muted.until)}: ${muted.by.join(', ')}`)
  }
  for (const { key, receiver, dueInMs, last } of groups) {
    lines.push(`${say(lang, words.group)}: ${key} -> ${receiver}`)
    for (const { channel, reason, until } of last?.decisions ?? [])
      lines.push(
        `  ${time(last!.at)} ${channel}: ${reason}${until === null ? '' : ` ${say(lang, words.until)} ${time(until)}`}`,
      )
    lines.push(`  ${say(lang, words.lookedAtNext)} ${Math.ceil(dueInMs / 1000)} s`)
  }
  return lines.join('\n')
}
