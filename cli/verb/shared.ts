// What every verb that asks the server has in common: the client, the output format, the language.

import type { Command } from 'commander'
import { exitCodes, InferwardError } from '../../core/base/errors.ts'
import { type Client, clientOptions, openClient } from '../client.ts'
import { type Language, language } from '../language.ts'
import type { OutputFormat } from '../output.ts'

export type WordsContext = { readonly format: OutputFormat; readonly lang: Language }
export type VerbContext = WordsContext & { readonly client: Client }

type Flags = {
  readonly server?: string
  readonly tokenFile?: string
  readonly timeout?: string
  readonly lang?: string
  readonly output?: string
}

export function verbContext(command: Command): VerbContext {
  const client = openClient(clientOptions(command.optsWithGlobals<Flags>(), process.env))
  return { client, ...wordsContext(command) }
}

/** For verbs that work without a server. */
export function wordsContext(command: Command): WordsContext {
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
  return { format, lang: language(flags.lang, process.env) }
}

export const outputOption = ['-o, --output <format>', 'table or json', 'table'] as const
