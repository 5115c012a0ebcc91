// `inferward doctor`: looks at this host and says what would hurt, line by line: OK, WARN or FAIL, and what to do.

import { Command } from 'commander'
import { InferwardError } from '../../core/base/errors.ts'
import { checks, type Finding, subjectWords } from '../doctor/checks.ts'
import { language, say } from '../language.ts'
import { width } from '../output.ts'

export function doctorCommand(): Command {
  return new Command('doctor')
    .description('check this host: Node, compiler, build, ports, disk, database, clock, GPU tools')
    .option('--data <dir>', 'data folder to look at', 'data')
    .option('-o, --output <format>', 'table or json', 'table')
    .action(async (flags: { data: string; output: string }, command: Command) => {
      const lang = language(command.optsWithGlobals<{ lang?: string }>().lang, process.env)
      const findings: Finding[] = []
      for (const check of checks) findings.push(await check({ data: flags.data }))
      if (flags.output === 'json') process.stdout.write(`${JSON.stringify(findings, null, 2)}\n`)
      else {
        for (const finding of findings) {
          const subject = say(lang, subjectWords(finding.subject))
          const gap = ' '.repeat(Math.max(1, 12 - width(subject)))
          process.stdout.write(`${finding.state.padEnd(5)}${subject}${gap}${say(lang, finding.words)}\n`)
          if (finding.remedy !== null) process.stdout.write(`${' '.repeat(17)}${say(lang, finding.remedy)}\n`)
        }
      }
      const failed = findings.filter((finding) => finding.state === 'FAIL')
      if (failed.length > 0) {
        throw new InferwardError({
          code: 'doctor.failed',
          message: `${failed.length} of ${findings.length} checks failed`,
        })
      }
    })
}
