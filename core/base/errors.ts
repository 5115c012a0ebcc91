// The one error type of the house. It says what happened (message), may it be tried again (retryable), what to do (hint),
// and where it came from (cause). Recognised by brand, not instanceof, so that it survives two copies of this module.

const brand = Symbol.for('inferward.error')

/** Exit codes of every program; the table users see is in docs/cli.md. */
export const exitCodes = {
  ok: 0,
  failed: 1,
  usage: 2,
  config: 3,
  unauthorised: 4,
  unreachable: 5,
  notFound: 6,
  condition: 10,
  interrupted: 130,
} as const
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]

export type ErrorOptions = {
  /** A closed, dotted name such as `config.unknown_key`; used as a metric label and in API answers. */
  readonly code: string
  readonly message: string
  /** Would the same call succeed later without anybody changing anything? Default false. */
  readonly retryable?: boolean
  /** What the reader can do about it, as a full sentence. */
  readonly hint?: string
  readonly cause?: unknown
  /** Exit code when this ends a program. Default 1. */
  readonly exitCode?: ExitCode
}

export class InferwardError extends Error {
  readonly code: string
  readonly retryable: boolean
  readonly hint: string | undefined
  readonly exitCode: ExitCode
  readonly [brand] = true

  constructor(options: ErrorOptions) {
    super(options.message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'InferwardError'
    this.code = options.code
    this.retryable = options.retryable ?? false
    this.hint = options.hint
    this.exitCode = options.exitCode ?? exitCodes.failed
  }
}

export function isInferwardError(value: unknown): value is InferwardError {
  return typeof value === 'object' && value !== null && (value as { [brand]?: unknown })[brand] === true
}

/** Words of any thrown value, with the words of its causes, on one line. */
export function errorText(value: unknown): string {
  const parts: string[] = []
  let current: unknown = value
  for (let depth = 0; depth < 5 && current !== undefined && current !== null; depth++) {
    const text = wordsOf(current).replace(/\s*[\r\n]+\s*/g, ' ')
    if (text !== '' && !parts.some((part) => part.includes(text))) parts.push(text)
    current = current instanceof Error ? current.cause : undefined
  }
  return parts.join(': ')
}

function wordsOf(value: unknown): string {
  try {
    return value instanceof Error ? String(value.message) : String(value)
  } catch {
    return 'a value without words' // an object that refuses to be text
  }
}

/** Node's `error.code` (`ENOENT`, `EADDRINUSE` …) or undefined. */
export function systemCode(value: unknown): string | undefined {
  const code = (value as { code?: unknown } | null | undefined)?.code
  return typeof code === 'string' ? code : undefined
}
