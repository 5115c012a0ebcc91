// `inferward hosts list | forget HOST`.

import { Command } from 'commander'
import { say, type Words } from '../language.ts'
import { ago, print } from '../output.ts'
import { contactWords, titles } from '../words.ts'
import { outputOption, verbContext } from './shared.ts'

type Host = {
  readonly host: string
  readonly contact: string
  readonly engines: number
  readonly version: string
  readonly lastSeenAt: number
}

const forgotten = (host: string): Words => ({
  en: `${host} is forgotten: the name belongs to whoever connects under it next`,
  zh: `已忘记 ${host}:该主机名归下一个以此名接入者所有`,
})

export function hostsCommand(): Command {
  const hosts = new Command('hosts').description('hosts of the fleet')
  hosts
    .command('list')
    .description('every host with its contact')
    .option(...outputOption)
    .action(async (_flags: unknown, command: Command) => {
      const { client, format, lang } = verbContext(command)
      const rows = (await client.get('/api/v1/hosts')) as readonly Host[]
      const now = Date.now()
      print(
        rows,
        [
          { title: say(lang, titles.host), value: (row) => row.host },
          { title: say(lang, titles.contact), value: (row) => say(lang, contactWords(row.contact)) },
          { title: say(lang, titles.heard), value: (row) => ago(row.lastSeenAt, now, lang) },
          { title: say(lang, titles.engines), value: (row) => row.engines },
          { title: say(lang, titles.version), value: (row) => row.version },
        ],
        format,
        say(lang, { en: 'No hosts.', zh: '没有主机。' }),
      )
    })
  hosts
    .command('forget')
    .description('take a host out of the fleet: its name and key are free for whoever comes next')
    .argument('<host>', 'host name; its agent must not be connected')
    .requiredOption('--reason <text>', 'why; it stays in the history')
    .option(...outputOption)
    .action(async (host: string, flags: { reason: string }, command: Command) => {
      const { client, format, lang } = verbContext(command)
      const answer = await client.post(`/api/v1/hosts/${encodeURIComponent(host)}/forget`, { reason: flags.reason })
      process.stdout.write(
        format === 'json' ? `${JSON.stringify(answer, null, 2)}\n` : `${say(lang, forgotten(host))}\n`,
      )
    })
  return hosts
}
