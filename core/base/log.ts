// The programs' own log: one JSON object a line, ECS names, secrets cut before the line is formed. Never on stdout: that is for data.

import { redact } from './redact.ts'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'
export type LogFields = Readonly<Record<string, string | number | boolean | null | undefined>>

export type Log = {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
  /** The same log with fields added to every line. */
  with(fields: LogFields): Log
}

const rank: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 }

export function createLog(options: {
  readonly write: (line: string) => void
  readonly now: () => number
  readonly level: LogLevel
  readonly fields?: LogFields
}): Log {
  const emit = (level: LogLevel, message: string, fields: LogFields | undefined): void => {
    if (rank[level] < rank[options.level]) return
    const record: Record<string, unknown> = {
      '@timestamp': new Date(options.now()).toISOString(),
      'log.level': level,
      message: redact(message),
    }
    for (const source of [options.fields, fields]) {
      for (const key in source) {
        const value = source[key]
        record[key] = typeof value === 'string' ? redact(value) : value
      }
    }
    options.write(`${JSON.stringify(record)}\n`)
  }
  return {
    debug: (message, fields) => emit('debug', message, fields),
    info: (message, fields) => emit('info', message, fields),
    warn: (message, fields) => emit('warn', message, fields),
    error: (message, fields) => emit('error', message, fields),
    with: (fields) => createLog({ ...options, fields: { ...options.fields, ...fields } }),
  }
}

/** Drops everything; for tests and for tools that print their own words. */
export const silentLog: Log = createLog({ write: () => {}, now: () => 0, level: 'error' })
