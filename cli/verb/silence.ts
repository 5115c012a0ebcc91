// `inferward silence list | add MATCHER... | expire ID`.

import { Command } from 'commander'
import { parseDuration } from '../../core/base/duration.ts'
import { exitCodes, InferwardError } from '../../core/base/errors.ts'
import { say } from '../language.ts'
import { print } from '../output.ts'
import { outputOption, verbContext } from './shared.ts'

const api = '/alertmanager/api/v2'

type Matcher = { readonly name: string; readonly value: string; readonly isRegex: boolean; readonly isEqual: boolean }
type Silence = {
  readonly id: string
  readonly status: { readonly state: string }
  readonly matchers: readonly Matcher[]
  readonly startsAt: string
  readonly endsAt: string
  readonly createdBy: string
  readonly comment: string
}

const text = ({ name, value, isRegex, isEqual }: Matcher): string =>
  `${name}${isEqual ? '=' : '!'}${isRegex ? '~' : isEqual ? '' : '='}${JSON.stringify(value)}`

export function silenceCommand(): Command {
  const silence = new Command('silence').description('silences: alerts that are not told for a while')
  silence
    .command('list')
    .description('silences in force and to come')
    .option('--expired', 'also those that have ended')
    .option(...outputOption)
    .action(async (flags: { expired?: boolean }, command: Command) => {
      const { client, format, lang } = verbContext(command)
      const rows = (await client.get(`${api}/silences?expired=${flags.expired === true}`)) as readonly Silence[]
      print(
        rows,
        [
          { title: 'ID', value: (row) => row.id },
          { title: say(lang, { en: 'STATE', zh: '状态' }), value: (row) => row.status.state },
          { title: say(lang, { en: 'MATCHERS', zh: '匹配器' }), value: (row) => row.matchers.map(text).join(' ') },
          { title: say(lang, { en: 'FROM', zh: '开始' }), value: (row) => row.startsAt },
          { title: say(lang, { en: 'UNTIL', zh: '结束' }), value: (row) => row.endsAt },
          { title: say(lang, { en: 'BY', zh: '作者' }), value: (row) => row.createdBy },
          { title: say(lang, { en: 'COMMENT', zh: '备注' }), value: (row) => row.comment },
        ],
        format,
        say(lang, { en: 'No silences.', zh: '没有静默。' }),
      )
    })
  silence
    .command('add')
    .description('silence alerts that match all of the matchers, from now on')
    .argument('<matchers...>', 'such as alertname=HostDown or host=~"gpu-.*"')
    .requiredOption('--for <duration>', 'how long, such as 2h')
    .requiredOption('--comment <text>', 'why; it stays in the history')
    .option('--author <name>', 'who asks for it', process.env.USER ?? 'unknown')
    .option('--tell-resolved', 'tell people who knew of an alert of its end')
    .option(...outputOption)
    .action(
      async (
        given: readonly string[],
        flags: { for: string; comment: string; author: string; tellResolved?: boolean },
        command: Command,
      ) => {
        const { client, format } = verbContext(command)
        const now = Date.now()
        const matchers = given.map(matcherOf)
        const answer = (await client.post(`${api}/silences`, {
          matchers,
          startsAt: new Date(now).toISOString(),
          endsAt: new Date(now + parseDuration(flags.for)).toISOString(),
          createdBy: flags.author,
          comment: flags.comment,
          annotations: flags.tellResolved === true ? { tell_resolved: 'true' } : {},
        })) as { readonly silenceID: string }
        process.stdout.write(format === 'json' ? `${JSON.stringify(answer, null, 2)}\n` : `${answer.silenceID}\n`)
      },
    )
  silence
    .command('expire')
    .description('end a silence now')
    .argument('<id>', 'its id')
    .action(async (id: string, _flags: unknown, command: Command) => {
      const { client } = verbContext(command)
      await client.delete(`${api}/silence/${encodeURIComponent(id)}`)
    })
  return silence
}

/** `name=value`, `!=`, `=~` or `!~`; the value may stand in double quotes. */
export function matcherOf(given: string): Matcher {
  const found = /^\s*([^\s=!~"{},]+|"(?:[^"\\]|\\.)+")\s*(=~|!~|!=|=)\s*(.*?)\s*$/s.exec(given)
  const [, name = '', op = '', value = ''] = found ?? []
  const plain = (part: string): string => (part.startsWith('"') ? (JSON.parse(part) as string) : part)
  try {
    if (found !== null)
      return { name: plain(name), value: plain(value), isRegex: op.includes('~'), isEqual: !op.startsWith('!') }
  } catch {
    // A quote that is not closed: told below.
  }
  throw new InferwardError({
    code: 'cli.matcher',
    message: `not a matcher: ${given}`,
    hint: 'Write name=value, name!=value, name=~pattern or name!~pattern.',
    exitCode: exitCodes.usage,
  })
}
