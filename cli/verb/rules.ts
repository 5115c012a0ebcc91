// `inferward rules backtest FILE... --last 7d`: what rules would have said over recorded history, before they are in force.

import { Command } from 'commander'
import { parseDuration } from '../../core/base/duration.ts'
import { exitCodes, InferwardError } from '../../core/base/errors.ts'
import type { BacktestResult } from '../../core/rules/backtest/source.ts'
import { backtestText } from '../rules/backtest-text.ts'
import { readGiven } from '../rules/read.ts'
import { outputOption, verbContext } from './shared.ts'

type Flags = { readonly last: string; readonly from?: string; readonly to?: string }
type Line = {
  readonly progress?: number
  readonly result?: BacktestResult
  readonly error?: { readonly code: string; readonly message: string; readonly hint?: string }
}

export function rulesCommand(): Command {
  const rules = new Command('rules').description('rules over recorded history')
  rules
    .command('backtest')
    .description('what rules would have fired, when and for how long, before they are in force')
    .argument('<file...>', 'rule files, or - for the standard input')
    .option('--last <duration>', 'how far back from now', '7d')
    .option('--from <time>', 'beginning instead: RFC 3339, or seconds since 1970')
    .option('--to <time>', 'end instead of now')
    .option(...outputOption)
    .action(async (files: readonly string[], flags: Flags, command: Command) => {
      const context = verbContext(command)
      const to = flags.to === undefined ? Date.now() / 1000 : moment('--to', flags.to)
      const from = flags.from === undefined ? to - parseDuration(flags.last) / 1000 : moment('--from', flags.from)
      const body = { files: files.map((file) => ({ file, text: readGiven(file) })), from, to }
      let result: BacktestResult | undefined
      await context.client.postLines('/api/v1/rules/backtest', body, (value) => {
        const line = value as Line
        if (line.error !== undefined) throw refused(line.error)
        if (line.progress !== undefined && process.stderr.isTTY) {
          process.stderr.write(`\r${String(Math.round(line.progress * 100)).padStart(3)} %`)
        }
        result = line.result ?? result
      })
      if (process.stderr.isTTY) process.stderr.write('\r      \r')
      if (result === undefined) {
        throw new InferwardError({
          code: 'backtest.no_result',
          message: 'the answer ended without a result',
          retryable: true,
        })
      }
      const text = context.format === 'json' ? JSON.stringify(result, null, 2) : backtestText(result, context.lang)
      process.stdout.write(`${text}\n`)
    })
  return rules
}

function refused({ code, message, hint }: NonNullable<Line['error']>): InferwardError {
  return new InferwardError({ code, message, ...(hint === undefined ? {} : { hint }) })
}

/** Seconds since 1970. */
function moment(flag: string, text: string): number {
  const seconds = /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : Date.parse(text) / 1000
  if (Number.isFinite(seconds)) return seconds
  throw new InferwardError({
    code: 'cli.time',
    message: `${flag}: not a time: ${text}`,
    hint: 'Write 2026-01-31T12:00:00Z, or seconds since 1970.',
    exitCode: exitCodes.usage,
  })
}
