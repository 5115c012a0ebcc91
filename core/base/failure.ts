// How a program says that it cannot go on: what, where, what to do; every line begins with the program's name; never a stack trace.

import { errorText, exitCodes, isInferwardError, systemCode } from './errors.ts'
import { redact } from './redact.ts'

export type Failure = { readonly text: string; readonly exitCode: number }

export function describeFailure(program: string, error: unknown): Failure {
  const known = isInferwardError(error)
  const lines = known ? error.message.split('\n') : [errorText(error)]
  const cause = known && error.cause !== undefined ? errorText(error.cause) : ''
  if (cause !== '' && !lines.some((line) => line.includes(cause))) lines.push(`because: ${cause}`)
  const hint = known ? error.hint : systemHint(error)
  if (hint !== undefined) lines.push(hint)
  return {
    text: lines.map((line) => `${program}: ${redact(line)}\n`).join(''),
    exitCode: known ? error.exitCode : exitCodes.failed,
  }
}

function systemHint(error: unknown): string | undefined {
  switch (systemCode(error)) {
    case 'EADDRINUSE':
      return 'Another process listens there: stop it, or set another `listen` in the configuration.'
    case 'EACCES':
    case 'EPERM':
      return 'The user who runs this has no right to that path or port.'
    case 'ENOSPC':
      return 'The disk is full: free space and start again.'
    case 'EROFS':
      return 'The file system is read-only: name a writable folder with --data.'
    default:
      return undefined
  }
}
