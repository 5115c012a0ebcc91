// `inferward on-call`: who is on call now, and who comes next.

import { Command } from 'commander'
import { say } from '../language.ts'
import { print } from '../output.ts'
import { titles } from '../words.ts'
import { outputOption, verbContext } from './shared.ts'

type Shift = {
  readonly name: string
  readonly timeZone: string
  readonly receiver: string
  readonly next: { readonly at: number; readonly receiver: string } | null
}

export function onCallCommand(): Command {
  return new Command('on-call')
    .description('who is on call now, and who comes next')
    .option(...outputOption)
    .action(async (_flags: unknown, command: Command) => {
      const { client, format, lang } = verbContext(command)
      const rows = (await client.get('/api/v1/on-call')) as readonly Shift[]
      print(
        rows,
        [
          { title: say(lang, titles.schedule), value: (row) => row.name },
          { title: say(lang, titles.onCall), value: (row) => row.receiver },
          { title: say(lang, titles.next), value: (row) => row.next?.receiver ?? null },
          {
            title: say(lang, titles.handover),
            value: ({ next, timeZone }) => (next === null ? null : `${local(next.at, timeZone)} ${timeZone}`),
          },
        ],
        format,
        say(lang, {
          en: 'No schedules: there is no on_call: in the configuration.',
          zh: '没有值班表(配置文件中的 on_call:)。',
        }),
      )
    })
}

/** `2026-01-05 10:00` on the wall of the zone. */
function local(at: number, timeZone: string): string {
  const options = { timeZone, dateStyle: 'short', timeStyle: 'short' } as const
  return new Intl.DateTimeFormat('sv-SE', options).format(at)
}
