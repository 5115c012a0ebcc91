// What scraping and sending share of Prometheus' configuration: how to log in, and keys that are known and not supported. Those are refused by name:
// somebody who moves over should not believe that a relabelling is in force. Secrets come from files only.

import { readFileSync } from 'node:fs'
import * as path from 'node:path'
import { z } from 'zod'
import { errorText, exitCodes, InferwardError, systemCode } from '../../core/base/errors.ts'

/** Fragment of a strict object in which these keys are faults of their own. */
export function notSupported<const K extends string>(...keys: readonly K[]) {
  const never = z.never({ error: 'known to Prometheus, not supported here: take it out' }).optional()
  return Object.fromEntries(keys.map((key) => [key, never])) as Record<K, typeof never>
}

const secretInFile = (file: string) =>
  z.never({ error: `a secret does not stand in this file: write it into another and name that as ${file}` }).optional()

/** Files are relative to the configuration file. */
export const authKeys = {
  basic_auth: z
    .object({
      username: z.string().min(1).max(200),
      password_file: z.string().min(1),
      password: secretInFile('password_file'),
      ...notSupported('username_file'),
    })
    .strict()
    .optional(),
  authorization: z
    .object({
      type: z
        .string()
        .regex(/^[A-Za-z][A-Za-z0-9-]*$/)
        .refine((type) => type.toLowerCase() !== 'basic', { error: 'use basic_auth' })
        .default('Bearer'),
      credentials_file: z.string().min(1),
      credentials: secretInFile('credentials_file'),
    })
    .strict()
    .optional(),
  ...notSupported(
    'oauth2',
    'tls_config',
    'proxy_url',
    'proxy_from_environment',
    'proxy_connect_header',
    'no_proxy',
    'enable_http2',
    'bearer_token',
    'bearer_token_file',
    'sigv4',
    'azuread',
    'google_iam',
  ),
}
type AuthKeys = {
  readonly basic_auth?: { readonly username: string; readonly password_file: string } | undefined
  readonly authorization?: { readonly type: string; readonly credentials_file: string } | undefined
}

export const oneAuth = {
  check: (one: AuthKeys): boolean => one.basic_auth === undefined || one.authorization === undefined,
  error: 'either basic_auth or authorization, not both',
}

const none = {}

/** Files are read anew so often: whoever rotates a secret restarts nothing. */
const readAgainMs = 10_000

/** The Authorization header, if any; the same object as long as it stays the same. The first reading throws `config.secret_file`; later ones keep what was read before. */
export function openAuth(
  keys: AuthKeys,
  directory: string,
  where: string,
  monotonic: () => number,
): () => Readonly<Record<string, string>> {
  const named = keys.basic_auth?.password_file ?? keys.authorization?.credentials_file
  if (named === undefined) return () => none
  const file = path.resolve(directory, named)
  const read = (): Readonly<Record<string, string>> => {
    const text = readSecret(file, where)
    if (keys.basic_auth === undefined) return { authorization: `${keys.authorization?.type ?? 'Bearer'} ${text}` }
    const pair = Buffer.from(`${keys.basic_auth.username}:${text}`).toString('base64')
    return { authorization: `Basic ${pair}` }
  }
  let header = read()
  let at = monotonic()
  return () => {
    if (monotonic() - at < readAgainMs) return header
    at = monotonic()
    try {
      header = read()
    } catch {
      // Being rewritten just now, or gone: the old secret works or is refused by the other side, which says so.
    }
    return header
  }
}

function readSecret(file: string, where: string): string {
  let text = ''
  let cause: unknown
  try {
    text = readFileSync(file, 'utf8').trim()
  } catch (error) {
    cause = error
  }
  // What cannot stand in a header is no secret, and would be shown in the error that says so.
  if (/^[\x21-\x7e][\x20-\x7e]{0,8191}$/.test(text)) return text
  const why = cause === undefined ? 'holds no single line of plain text' : (systemCode(cause) ?? errorText(cause))
  throw new InferwardError({
    code: 'config.secret_file',
    message: `${where}: ${file} cannot be used (${why})`,
    hint: 'The path is relative to the configuration file.',
    exitCode: exitCodes.config,
    cause,
  })
}
