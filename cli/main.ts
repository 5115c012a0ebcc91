// The command line: one file per verb under verb/, wired here. Exit codes are those of core/base/errors.ts.

import { Command, CommanderError } from 'commander'
import { exitCodes } from '../core/base/errors.ts'
import { describeFailure } from '../core/base/failure.ts'
import { language } from './language.ts'
import { failureInChinese } from './phrases.ts'
import { acksCommand } from './verb/acks.ts'
import { alertsCommand } from './verb/alerts.ts'
import { checkCommand } from './verb/check.ts'
import { doctorCommand } from './verb/doctor.ts'
import { enginesCommand } from './verb/engines.ts'
import { hostsCommand } from './verb/hosts.ts'
import { incidentsCommand } from './verb/incidents.ts'
import { notifyCommand } from './verb/notify.ts'
import { onCallCommand } from './verb/on-call.ts'
import { programCommands } from './verb/programs.ts'
import { rulesCommand } from './verb/rules.ts'
import { silenceCommand } from './verb/silence.ts'
import { slosCommand } from './verb/slos.ts'
import { testCommand } from './verb/test.ts'
import { upCommand } from './verb/up.ts'
import { versionCommand } from './verb/version.ts'

const program = new Command('inferward')
  .description('Watches over model-inference fleets, and repairs them. 推理集群的可观测与自愈控制面。')
  .option('--server <url>', 'server to talk to (or INFERWARD_SERVER)')
  .option('--token-file <file>', 'file that holds the token (or INFERWARD_TOKEN holds the token itself)')
  .option('--timeout <seconds>', 'longest wait for an answer', '10')
  .option('--lang <en|zh>', 'language of words (default: from the locale)')
  .showHelpAfterError('Run `inferward --help` for the commands.')
  .exitOverride()

for (const command of [
  upCommand(),
  ...programCommands(),
  doctorCommand(),
  incidentsCommand(),
  alertsCommand(),
  silenceCommand(),
  acksCommand(),
  onCallCommand(),
  slosCommand(),
  enginesCommand(),
  hostsCommand(),
  notifyCommand(),
  checkCommand(),
  testCommand(),
  rulesCommand(),
  versionCommand(),
]) {
  program.addCommand(command.copyInheritedSettings(program))
}
for (const command of program.commands) for (const verb of command.commands) verb.copyInheritedSettings(program)

/** Line by line: message, cause and hint have their twins one by one. */
const failureText = (text: string): string =>
  text.replace(
    /^(inferward: )(.*)$/gm,
    (_line, name: string, words: string) => name + (failureInChinese(words) ?? words),
  )

try {
  await program.parseAsync(process.argv)
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? exitCodes.ok : exitCodes.usage
  } else {
    const failure = describeFailure('inferward', error)
    process.stderr.write(
      language(program.opts<{ lang?: string }>().lang, process.env) === 'zh' ? failureText(failure.text) : failure.text,
    )
    process.exitCode = failure.exitCode
  }
}
