// Help texts of the programs that cli/inferward.mjs starts in its own process; the gateway is refused by name until it exists.

import { Command } from 'commander'
import { InferwardError } from '../../core/base/errors.ts'

export function programCommands(): readonly Command[] {
  const program = (name: string, text: string): Command =>
    new Command(name)
      .description(text)
      .requiredOption('--data <dir>', 'folder for state, made when absent')
      .option('--config <file>', 'configuration file (YAML)')
  return [
    program('server', 'run the central server in the foreground'),
    program('agent', 'run the agent of this host in the foreground'),
    new Command('gateway')
      .description('run the gateway in the foreground (not in this version)')
      .option('--config <file>', 'configuration file (YAML)')
      .action(() => {
        throw new InferwardError({
          code: 'cli.gateway',
          message: 'the gateway is not part of this version',
          hint: 'Clients talk to the engine at 127.0.0.1:9720 for now.',
        })
      }),
  ]
}
