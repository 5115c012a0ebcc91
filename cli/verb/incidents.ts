// `inferward incidents list | show ID`.

import { Command } from 'commander'
import { say, type Words } from '../language.ts'
import { ago, print } from '../output.ts'
import { causeWords, titles } from '../words.ts'
import { outputOption, verbContext } from './shared.ts'

type Incident = {
  readonly id: string
  readonly host: string
  readonly engine: string | null
  readonly openedAt: number
  readonly closedAt: number | null
  readonly cause: string
  readonly summary: { readonly en: string; readonly zh: string }
}

const open: Words = { en: 'open', zh: '未恢复' }
const before = (time: string): Words => ({ en: `${time} ago`, zh: `${time}前` })
const closedAfter = (time: string): Words => ({ en: `closed after ${time}`, zh: `${time}后恢复` })

export function incidentsCommand(): Command {
  const incidents = new Command('incidents').description(
    'what happened, joined from faults, alerts, actions and deliveries',
  )
  incidents
    .command('list')
    .description('newest first')
    .option('--limit <n>', 'at most so many', '50')
    .option(...outputOption)
    .action(async (flags: { limit: string }, command: Command) => {
      const context = verbContext(command)
      const { lang } = context
      const rows = (await context.client.get(
        `/api/v1/incidents?limit=${encodeURIComponent(flags.limit)}`,
      )) as readonly Incident[]
      const now = Date.now()
      print(
        rows,
        [
          { title: say(lang, titles.id), value: (row) => row.id },
          { title: say(lang, titles.opened), value: (row) => say(lang, before(ago(row.openedAt, now, lang))) },
          {
            title: say(lang, titles.state),
            value: (row) =>
              say(lang, row.closedAt === null ? open : closedAfter(ago(row.openedAt, row.closedAt, lang))),
          },
          { title: say(lang, titles.host), value: (row) => row.host },
          { title: say(lang, titles.engine), value: (row) => row.engine },
          { title: say(lang, titles.cause), value: (row) => say(lang, causeWords(row.cause)) },
          { title: say(lang, titles.summary), value: (row) => row.summary[lang] },
        ],
        context.format,
        say(lang, { en: 'No incidents.', zh: '没有事件。' }),
      )
    })
  incidents
    .command('show')
    .description('one incident with its timeline')
    .argument('<id>', 'incident id, or "last"')
    .option(...outputOption)
    .action(async (id: string, _flags: unknown, command: Command) => {
      const context = verbContext(command)
      const wanted =
        id === 'last' ? ((await context.client.get('/api/v1/incidents?limit=1')) as readonly Incident[])[0]?.id : id
      const path = `/api/v1/incidents/${encodeURIComponent(wanted ?? 'last')}`
      if (context.format === 'json')
        process.stdout.write(`${JSON.stringify(await context.client.get(path), null, 2)}\n`)
      else process.stdout.write(`${await context.client.text(`${path}?format=markdown&lang=${context.lang}`)}\n`)
    })
  return incidents
}
