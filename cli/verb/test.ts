// `inferward test rules FILE...`: promtool's unit tests of rules with its verdicts, and an explanation of every check that does not hold.

import * as path from 'node:path'
import { Command } from 'commander'
import { errorText, exitCodes, InferwardError } from '../../core/base/errors.ts'
import type { FileOutcome } from '../../core/rules/unit-test/outcome.ts'
import { runUnitTests } from '../../core/rules/unit-test/run-test.ts'
import { glob } from '../rules/glob.ts'
import { readGiven } from '../rules/read.ts'
import { outcomeText } from '../rules/test-text.ts'
import { outputOption, wordsContext } from './shared.ts'

type Flags = { readonly run?: readonly string[]; readonly ignoreUnknownFields?: boolean }

export function testCommand(): Command {
  const test = new Command('test').description('test files before they are used; needs no server')
  test
    .command('rules')
    .description('unit tests of rules, in the format of promtool')
    .argument('<file...>', 'unit test files; rule files in them are relative to each')
    .option('--run <pattern...>', 'only tests whose name matches one of these regular expressions')
    .option('--ignore-unknown-fields', 'pass over fields of rule files that Prometheus does not know')
    .option(...outputOption)
    .action((files: readonly string[], flags: Flags, command: Command) => {
      const { format, lang } = wordsContext(command)
      const only = flags.run === undefined ? null : pattern(flags.run)
      const outcomes: FileOutcome[] = []
      for (const file of files) {
        const outcome = runUnitTests(file, readGiven(file), {
          ruleFiles: (name) =>
            glob(name, path.dirname(file)).map((one) => ({ file: shown(one), text: readGiven(one) })),
          only,
          ignoreUnknown: flags.ignoreUnknownFields ?? false,
        })
        outcomes.push(outcome)
        if (format === 'table') process.stdout.write(outcomeText(outcome, lang))
      }
      if (format === 'json') process.stdout.write(`${JSON.stringify(outcomes, null, 2)}\n`)
      if (outcomes.some(({ failures }) => failures.length > 0)) process.exitCode = exitCodes.failed
    })
  return test
}

/** Relative where that is shorter. */
function shown(file: string): string {
  const relative = path.relative(process.cwd(), file)
  return relative.length < file.length ? relative : file
}

function pattern(parts: readonly string[]): RegExp {
  try {
    return new RegExp(parts.join('|'))
  } catch (error) {
    throw new InferwardError({
      code: 'cli.pattern',
      message: `--run: ${errorText(error)}`,
      exitCode: exitCodes.usage,
      cause: error,
    })
  }
}
