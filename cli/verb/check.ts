// `inferward check rules FILE...`: the verdict of promtool on rule files, and lints, without a server.

import { Command } from 'commander'
import { exitCodes, InferwardError } from '../../core/base/errors.ts'
import { parseExpression } from '../../core/promql/expression.ts'
import type { Lint } from '../../core/rules/lint/finding.ts'
import { lintNames } from '../../core/rules/lint/finding.ts'
import { lintRules } from '../../core/rules/lint/lint.ts'
import { type RuleFault, readRuleFile } from '../../core/rules/rule-file.ts'
import { type Language, say } from '../language.ts'
import { readGiven } from '../rules/read.ts'
import { checkTemplatesCommand } from './check-templates.ts'
import { outputOption, wordsContext } from './shared.ts'

type Checked = {
  readonly file: string
  readonly good: boolean
  readonly rules: number
  readonly faults: readonly RuleFault[]
  readonly warnings: readonly RuleFault[]
  readonly lints: readonly Lint[]
}
type Flags = { readonly lint: string; readonly lintFatal?: boolean; readonly ignoreUnknownFields?: boolean }

export function checkCommand(): Command {
  const check = new Command('check').description('check files before they are used; needs no server')
  check
    .command('rules')
    .description('rule files: the verdict of promtool, and what is probably not meant')
    .argument('<file...>', 'rule files, or - for the standard input')
    .option('--lint <names>', 'all, none, or names separated by commas', 'all')
    .option('--lint-fatal', `end with ${exitCodes.condition} where there is a lint`)
    .option('--ignore-unknown-fields', 'pass over fields that Prometheus does not know')
    .option(...outputOption)
    .action((files: readonly string[], flags: Flags, command: Command) => {
      const { format, lang } = wordsContext(command)
      const wanted = lintsWanted(flags.lint)
      const checked = files.map((file) => checkFile(file, wanted, flags.ignoreUnknownFields ?? false))
      if (format === 'json') process.stdout.write(`${JSON.stringify(checked, null, 2)}\n`)
      else for (const one of checked) process.stdout.write(textOf(one, lang))
      if (checked.some(({ good }) => !good)) process.exitCode = exitCodes.failed
      else if (flags.lintFatal && checked.some(({ lints }) => lints.length > 0)) process.exitCode = exitCodes.condition
    })
  return check.addCommand(checkTemplatesCommand())
}

function lintsWanted(given: string): ReadonlySet<string> {
  if (given === 'all') return new Set(lintNames)
  if (given === 'none') return new Set()
  const names = given.split(',').map((name) => name.trim())
  const unknown = names.find((name) => !(lintNames as readonly string[]).includes(name))
  if (unknown === undefined) return new Set(names)
  throw new InferwardError({
    code: 'cli.lint',
    message: `there is no lint "${unknown}"`,
    hint: `Lints: ${lintNames.join(', ')}.`,
    exitCode: exitCodes.usage,
  })
}

function checkFile(file: string, wanted: ReadonlySet<string>, ignoreUnknown: boolean): Checked {
  const read = readRuleFile(file, readGiven(file), parseExpression, { ignoreUnknown })
  const good = read.faults.length === 0
  return {
    file,
    good,
    rules: read.groups.reduce((sum, { rules }) => sum + rules.length, 0),
    faults: read.faults,
    warnings: read.warnings,
    lints: good && wanted.size > 0 ? lintRules(read).filter(({ name }) => wanted.has(name)) : [],
  }
}

function textOf({ file, good, rules, faults, warnings, lints }: Checked, lang: Language): string {
  const lines = [
    ...faults.map(({ line, column, message }) => `${file}:${line}:${column}: ${message}`),
    ...warnings.map(({ line, column, message }) => `${file}:${line}:${column}: ${say(lang, warning)}: ${message}`),
    ...lints.map(
      ({ line, column, name, rule, words }) => `${file}:${line}:${column}: ${name}: ${rule}: ${say(lang, words)}`,
    ),
  ]
  const verdict = good
    ? {
        en: `${file}: good, ${rules} rules, ${lints.length} lints`,
        zh: `${file}:有效,${rules} 条规则,${lints.length} 条建议`,
      }
    : { en: `${file}: refused, ${faults.length} faults`, zh: `${file}:无效,${faults.length} 处错误` }
  return `${[...lines, say(lang, verdict)].join('\n')}\n`
}

const warning = { en: 'warning', zh: '警告' }
