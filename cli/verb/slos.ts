// `inferward slos`: what is left of every error budget, the emptiest first.

import { Command } from 'commander'
import { formatDuration } from '../../core/base/duration.ts'
import { say } from '../language.ts'
import { print } from '../output.ts'
import { titles } from '../words.ts'
import { outputOption, verbContext } from './shared.ts'

type Budget = {
  readonly labels: Readonly<Record<string, string>>
  readonly requests: number
  readonly badRequests: number
  readonly goodRatio: number | null
  readonly budgetLeftRatio: number | null
  readonly burnRates: readonly { readonly windowMs: number; readonly rate: number }[]
  readonly recordedRatio: number
}
type Report = {
  readonly name: string
  readonly target: number
  readonly windowMs: number
  readonly budgets: readonly Budget[]
}

const percent = (ratio: number | null, digits: number): string | null =>
  ratio === null ? null : `${(ratio * 100).toFixed(digits)} %`

export function slosCommand(): Command {
  return new Command('slos')
    .description('service level objectives: what is left of every error budget')
    .option(...outputOption)
    .action(async (_flags: unknown, command: Command) => {
      const context = verbContext(command)
      const reports = (await context.client.get('/api/v1/slos')) as readonly Report[]
      if (context.format === 'json') {
        process.stdout.write(`${JSON.stringify(reports, null, 2)}\n`)
        return
      }
      const rows = reports.flatMap((report) =>
        (report.budgets.length > 0 ? report.budgets : [null]).map((budget) => ({ report, budget })),
      )
      print(
        rows,
        [
          { title: say(context.lang, titles.slo), value: ({ report }) => report.name },
          {
            title: say(context.lang, titles.of),
            value: ({ budget }) =>
              Object.entries(budget?.labels ?? {})
                .map(([name, value]) => `${name}=${value}`)
                .join(' ') || null,
          },
          {
            title: say(context.lang, titles.target),
            value: ({ report }) => `${report.target} % / ${formatDuration(report.windowMs)}`,
          },
          { title: say(context.lang, titles.good), value: ({ budget }) => percent(budget?.goodRatio ?? null, 3) },
          {
            title: say(context.lang, titles.budgetLeft),
            value: ({ budget }) => percent(budget?.budgetLeftRatio ?? null, 1),
          },
          {
            title: say(context.lang, titles.bad),
            value: ({ budget }) => (budget === null ? null : String(Math.round(budget.badRequests))),
          },
          {
            title: say(context.lang, titles.requests),
            value: ({ budget }) => (budget === null ? null : String(Math.round(budget.requests))),
          },
          {
            title: say(context.lang, titles.burnRate),
            value: ({ budget }) =>
              budget?.burnRates
                .map(({ windowMs, rate }) => `${rate.toFixed(1)} (${formatDuration(windowMs)})`)
                .join(' ') || null,
          },
          {
            title: say(context.lang, titles.recorded),
            value: ({ budget }) => percent(budget?.recordedRatio ?? null, 0),
          },
        ],
        context.format,
        say(context.lang, {
          en: 'No objectives: there is no slos: in the configuration.',
          zh: '没有配置 SLO(配置文件中的 slos:)。',
        }),
      )
    })
}
