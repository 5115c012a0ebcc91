// `inferward incidents list | show ID`.

import { Command } from 'commander'
import { ago, print } from '../output.ts'
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
      const rows = (await context.client.get(
        `/api/v1/incidents?limit=${encodeURIComponent(flags.limit)}`,
      )) as readonly Incident[]
      const now = Date.now()
      print(
        rows,
        [
          { title: 'ID', value: (row) => row.id },
          { title: 'OPENED', value: (row) => `${ago(row.openedAt, now)} ago` },
          {
            title: 'STATE',
            value: (row) => (row.closedAt === null ? 'open' : `closed after ${ago(row.openedAt, row.closedAt)}`),
          },
          { title: 'HOST', value: (row) => row.host },
          { title: 'ENGINE', value: (row) => row.engine },
          { title: 'CAUSE', value: (row) => row.cause },
          { title: 'SUMMARY', value: (row) => row.summary[context.lang] },
        ],
        context.format,
        context.lang === 'zh' ? '没有事件。' : 'No incidents.',
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
