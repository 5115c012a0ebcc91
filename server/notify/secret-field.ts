// Secrets of the configuration: `url` or `url_file`, `secret` or `secret_file`. They become `Secret` before anything else sees them, and no
// fault message ever holds a value.

import { z } from 'zod'
import { systemCode } from '../../core/base/errors.ts'
import { type Secret, secret } from '../../core/base/redact.ts'
import { type Reach, refusal } from './address-guard.ts'

/** Reads a file named in the configuration; throws as `readFileSync` does. Relative names are already resolved. */
export type SecretFiles = { readonly read: (name: string) => string }

export const secretText = z.string().optional()
export const fileName = z.string().min(1, 'the name of a file is missing').optional()

/** The value of `key`, or of the file `${key}_file`; undefined when neither is set, after reporting when they are unusable. */
export function takeSecret(
  context: z.RefinementCtx,
  raw: Readonly<Record<string, unknown>>,
  key: string,
  files: SecretFiles,
): Secret | undefined {
  const text = raw[key] as string | undefined
  const file = raw[`${key}_file`] as string | undefined
  const fault = (path: string, message: string): undefined => {
    context.addIssue({ code: 'custom', path: [path], message })
    return undefined
  }
  if (text !== undefined && text !== '' && file !== undefined) {
    return fault(`${key}_file`, `both ${key} and ${key}_file are set: keep one of them`)
  }
  if (file === undefined) return text === undefined || text === '' ? undefined : secret(text)
  let content: string
  try {
    content = files.read(file)
  } catch (error) {
    return fault(`${key}_file`, `the file cannot be read (${systemCode(error) ?? 'unknown error'}): ${file}`)
  }
  const value = content.replace(/\r?\n$/, '')
  return value === '' ? fault(`${key}_file`, `the file is empty: ${file}`) : secret(value)
}

/** How far an address of the configuration file may lead. */
export const allowPrivate = { allow_private: z.boolean().default(false) }
export const reachOf = (raw: Readonly<Record<string, unknown>>): Reach =>
  raw.allow_private === true ? 'private' : 'host'

/** Like `takeSecret` for an http(s) URL; `bare` makes a URL of a token that was pasted alone. */
export function takeUrl(
  context: z.RefinementCtx,
  raw: Readonly<Record<string, unknown>>,
  key: string,
  files: SecretFiles,
  bare: (text: string) => string | null = () => null,
): Secret | undefined {
  const taken = takeSecret(context, raw, key, files)
  if (taken === undefined) return undefined
  const fault = (message: string): undefined => {
    context.addIssue({ code: 'custom', path: [raw[`${key}_file`] === undefined ? key : `${key}_file`], message })
    return undefined
  }
  const text = taken.reveal().trim()
  const whole = /^https?:\/\//i.test(text) ? text : bare(text)
  if (whole === null || !URL.canParse(whole)) return fault('not an http or https URL')
  const words = refusal(new URL(whole).hostname, reachOf(raw))
  return words === null ? secret(whole) : fault(`refused: ${words}`)
}

/** Everything of a URL that may be a secret: credentials, path, query. For cutting it out of what others say. */
export function urlSecrets(text: string): readonly string[] {
  const url = new URL(text)
  const path = `${url.pathname}${url.search}`
  return [
    url.href,
    text,
    ...(path.length > 1 ? [path] : []),
    ...(url.password === '' ? [] : [url.password, decodeURIComponent(url.password)]),
    ...[...url.searchParams.values()],
    ...url.pathname.split('/').filter((part) => part.length >= 8),
  ]
}
