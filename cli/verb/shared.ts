// What every verb that asks the server has in common: the client, the output format, the language.

import type { Command } from 'commander'
import { exitCodes, InferwardError } from '../../core/base/errors.ts'
import { type Client, clientOptions, openClient } from '../client.ts'
import { type Language, language } from '../language.ts'
import type { OutputFormat } from '../output.ts'

export type VerbContext = { readonly client: Client; readonly format: OutputFormat; readonly lang: Language }

type Flags = {
  readonly server?: string
  readonly tokenFile?: string
  readonly timeout?: string
  readonly lang?: string
  readonly output?: string
}

export function verbContext(command: Command): VerbContext {
  const flags = command.optsWithGlobals<Flags>()
  const format = flags.output ?? 'table'
  if (format !== 'table' && format !== 'json') {
    throw new InferwardError({
      code: 'cli.output',
      message: `unknown output format "${format}"`,
      hint: 'Use -o table or -o json.',
      exitCode: exitCodes.usage,
    })
  }
  return {
    client: openClient(clientOptions(flags, process.env)),
    format,
    lang: language(flags.lang, process.env),
  }
}

export const outputOption = ['-o, --output <format>', 'table or json', 'table'] as const
