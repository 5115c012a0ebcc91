// `inferward acks list | set ALERT | withdraw ALERT`: who has taken which alert over.

import { Command } from 'commander'
import { say, type Words } from '../language.ts'
import { ago, print } from '../output.ts'
import { titles } from '../words.ts'
import { outputOption, verbContext } from './shared.ts'

type Ack = {
  readonly fingerprint: string
  readonly owner: string
  readonly comment: string
  readonly at: number
  readonly expiresAt: number
}

const taken = ({ owner, fingerprint, expiresAt }: Ack): Words => {
  const until = new Date(expiresAt).toISOString()
  return {
    en: `${owner} has alert ${fingerprint} until ${until}`,
    zh: `${owner} 已接手告警 ${fingerprint},有效至 ${until}`,
  }
}

export function acksCommand(): Command {
  const acks = new Command('acks').description('acknowledgements: who has taken which alert over')
  acks
    .command('list')
    .description('those in force')
    .option(...outputOption)
    .action(async (_flags: unknown, command: Command) => {
      const { client, format, lang } = verbContext(command)
      const rows = (await client.get('/api/v1/acks')) as readonly Ack[]
      const now = Date.now()
      print(
        rows,
        [
          { title: say(lang, titles.alert), value: (row) => row.fingerprint },
          { title: say(lang, titles.owner), value: (row) => row.owner },
          { title: say(lang, titles.since), value: (row) => ago(row.at, now, lang) },
          { title: say(lang, titles.left), value: (row) => ago(now, row.expiresAt, lang) },
          { title: say(lang, titles.comment), value: (row) => row.comment },
        ],
        format,
        say(lang, { en: 'Nothing is acknowledged.', zh: '没有已确认的告警。' }),
      )
    })
  acks
    .command('set')
    .description('take a firing alert over: no reminders, no escalation, until it expires')
    .argument('<alert>', 'fingerprint: 16 hexadecimal digits')
    .option('--for <duration>', 'how long', '1h')
    .option('--owner <name>', 'who has it (default: whose token it is)')
    .option('--comment <text>', 'what is being done', '')
    .option(...outputOption)
    .action(async (alert: string, flags: { for: string; owner?: string; comment: string }, command: Command) => {
      const { client, format, lang } = verbContext(command)
      const { for: long, comment, owner } = flags
      const body = { for: long, comment, ...(owner === undefined ? {} : { owner }) }
      const ack = (await client.post(`/api/v1/acks/${encodeURIComponent(alert)}`, body)) as Ack
      process.stdout.write(format === 'json' ? `${JSON.stringify(ack, null, 2)}\n` : `${say(lang, taken(ack))}\n`)
    })
  acks
    .command('withdraw')
    .description('give an alert back: whoever is to know is told again')
    .argument('<alert>', 'fingerprint: 16 hexadecimal digits')
    .action(async (alert: string, _flags: unknown, command: Command) => {
      await verbContext(command).client.delete(`/api/v1/acks/${encodeURIComponent(alert)}`)
    })
  return acks
}
