// What both long-running programs do the same way: read their flags and their configuration file, or say what is wrong with them.

import { parseArgs } from 'node:util'
import type { z } from 'zod'
import { parseConfig } from './config.ts'
import { errorText, exitCodes, InferwardError, systemCode } from './errors.ts'
import type { FileLayer } from './file-layer.ts'

export type ProgramFlags = {
  readonly data: string
  readonly config: string | undefined
  readonly model: string | undefined
  readonly stopEnginesOnExit: boolean
}

export function programFlags(argv: readonly string[], resolve: (path: string) => string): ProgramFlags {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        data: { type: 'string' },
        config: { type: 'string' },
        model: { type: 'string' },
        'stop-engines-on-exit': { type: 'boolean' },
      },
    })
    if (values.data === undefined) throw new Error('--data DIR is needed')
    return {
      data: resolve(values.data),
      config: values.config === undefined ? undefined : resolve(values.config),
      model: values.model === undefined ? undefined : resolve(values.model),
      stopEnginesOnExit: values['stop-engines-on-exit'] === true,
    }
  } catch (error) {
    throw new InferwardError({
      code: 'program.flags',
      message: errorText(error),
      exitCode: exitCodes.usage,
      hint: 'See `inferward --help`.',
      cause: error,
    })
  }
}

export function readConfig<T>(options: {
  readonly files: FileLayer
  readonly file: string | undefined
  readonly schema: z.ZodType<T>
  readonly environment: Readonly<Record<string, string | undefined>>
}): T {
  const { file, files, schema, environment } = options
  if (file === undefined) return parseConfig({ file: 'built-in', text: '', schema, environment })
  let text: string
  try {
    text = new TextDecoder().decode(files.readFile(file))
  } catch (error) {
    throw new InferwardError({
      code: 'config.unreadable',
      message: `${file} cannot be read (${systemCode(error) ?? errorText(error)})`,
      hint: 'Check the path given with --config.',
      exitCode: exitCodes.config,
    })
  }
  return parseConfig({ file, text, schema, environment })
}

/** Makes a folder of the program, or says why it cannot. */
export function ensureFolder(files: FileLayer, folder: string): void {
  try {
    files.makeDirectory(folder)
    const probe = `${folder}/.writable`
    files.writeAtomic(probe, new Uint8Array())
    files.remove(probe)
  } catch (error) {
    throw new InferwardError({
      code: 'program.data_folder',
      message: `data folder ${folder} is not writable (${systemCode(error) ?? errorText(error)})`,
      hint: 'Name a writable folder with --data.',
      cause: error,
    })
  }
}
