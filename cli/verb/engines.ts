// `inferward engines list | restart HOST/ENGINE`.

import { Command } from 'commander'
import { exitCodes, InferwardError } from '../../core/base/errors.ts'
import { say } from '../language.ts'
import { ago, print } from '../output.ts'
import { commandStateWords, phaseWords, titles, verdictWords } from '../words.ts'
import { outputOption, type VerbContext, verbContext } from './shared.ts'

type Engine = {
  readonly host: string
  readonly name: string
  readonly phase: string
  readonly verdict: string
  readonly model: string
  readonly pid: number | null
  readonly since: number
  readonly url: string
}
type Issued = { readonly id: string; readonly state: string; readonly reason?: string | null }

const finished = ['done', 'failed', 'refused', 'unknown', 'expired', 'stale']

export function enginesCommand(): Command {
  const engines = new Command('engines').description('engines of the fleet')
  engines
    .command('list')
    .description('every engine with its phase and verdict')
    .option(...outputOption)
    .action(async (_flags: unknown, command: Command) => {
      const context = verbContext(command)
      const { lang } = context
      const rows = (await context.client.get('/api/v1/engines')) as readonly Engine[]
      const now = Date.now()
      print(
        rows,
        [
          { title: say(lang, titles.host), value: (row) => row.host },
          { title: say(lang, titles.engine), value: (row) => row.name },
          { title: say(lang, titles.phase), value: (row) => say(lang, phaseWords(row.phase)) },
          { title: say(lang, titles.verdict), value: (row) => say(lang, verdictWords(row.verdict)) },
          { title: say(lang, titles.pid), value: (row) => row.pid },
          { title: say(lang, titles.since), value: (row) => ago(row.since, now, lang) },
          { title: say(lang, titles.url), value: (row) => row.url },
          { title: say(lang, titles.model), value: (row) => row.model },
        ],
        context.format,
        say(lang, { en: 'No engines.', zh: '没有引擎。' }),
      )
    })
  engines
    .command('restart')
    .description('restart one engine, politely, within the budgets of the guard')
    .argument('<engine>', 'ENGINE, or HOST/ENGINE when several hosts have one of that name')
    .requiredOption('--reason <text>', 'why; it stays in the history')
    .option('--no-wait', 'return as soon as the command is recorded')
    .option(...outputOption)
    .action(async (target: string, flags: { reason: string; wait: boolean }, command: Command) => {
      const context = verbContext(command)
      const engine = await resolve(context, target)
      const path = `/api/v1/engines/${encodeURIComponent(engine.host)}/${encodeURIComponent(engine.name)}/restart`
      let issued = (await context.client.post(path, { reason: flags.reason })) as Issued
      const deadline = Date.now() + 120_000
      while (flags.wait && !finished.includes(issued.state) && Date.now() < deadline) {
        await new Promise((done) => setTimeout(done, 300))
        issued = (await context.client.get(`/api/v1/commands/${issued.id}`)) as Issued
      }
      if (context.format === 'json') process.stdout.write(`${JSON.stringify(issued, null, 2)}\n`)
      else
        process.stdout.write(
          `${engine.host}/${engine.name}: ${say(context.lang, commandStateWords(issued.state))}${issued.reason ? ` (${issued.reason})` : ''}\n`,
        )
      if (flags.wait && issued.state !== 'done') {
        throw new InferwardError({
          code: 'engines.restart',
          message: `command ${issued.id} ended as ${issued.state}`,
          hint: 'See `inferward incidents list`, and the agent log under DATA/log/agent.log.',
        })
      }
    })
  return engines
}

async function resolve(context: VerbContext, target: string): Promise<Engine> {
  const rows = (await context.client.get('/api/v1/engines')) as readonly Engine[]
  const slash = target.lastIndexOf('/')
  const host = slash < 0 ? null : target.slice(0, slash)
  const name = target.slice(slash + 1)
  const found = rows.filter((row) => row.name === name && (host === null || row.host === host))
  if (found.length === 1) return found[0]!
  const all = rows.map((row) => `${row.host}/${row.name}`).join(', ')
  throw new InferwardError({
    code: found.length === 0 ? 'engines.not_found' : 'engines.ambiguous',
    message: found.length === 0 ? `no engine "${target}"` : `"${target}" names ${found.length} engines`,
    hint: all === '' ? 'No host has reported an engine yet.' : `Engines: ${all}`,
    exitCode: found.length === 0 ? exitCodes.notFound : exitCodes.usage,
  })
}
