// Reads a file that a verb was given, with an error that says which and what to do.

import { readFileSync } from 'node:fs'
import { errorText, exitCodes, InferwardError, systemCode } from '../../core/base/errors.ts'

/** Throws `cli.file`. `-` is the standard input. */
export function readGiven(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8')
  } catch (error) {
    throw new InferwardError({
      code: 'cli.file',
      message: `${file} cannot be read (${systemCode(error) ?? errorText(error)})`,
      hint: 'Name a file that is there and may be read, or - for the standard input.',
      exitCode: exitCodes.failed,
      cause: error,
    })
  }
}
