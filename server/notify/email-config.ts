// Alertmanager's mail keys: those of a receiver over those of `global`. Merged where both are known, so that a fault names the key that is
// missing and the place where it may be set.

import { z } from 'zod'
import type { Secret } from '../../core/base/redact.ts'
import { isLoopback } from '../../core/base/schema.ts'
import { refusal } from './address-guard.ts'
import { lookKeys, lookOf, notYet, timeout } from './channel-config.ts'
import { emailHeaders } from './email-headers.ts'
import type { Look } from './render/message.ts'
import { fileName, type SecretFiles, secretText, takeSecret } from './secret-field.ts'
import { type Sources, templateKey } from './template/field.ts'
import type { TemplateText } from './template/template-text.ts'

export type EmailConfig = {
  readonly to: string
  readonly from: string
  /** Name for EHLO; empty = the host's. */
  readonly hello: string
  readonly host: string
  readonly port: number
  /** TLS from the first byte (port 465). */
  readonly secure: boolean
  readonly requireTls: boolean
  readonly auth: { readonly user: string; readonly password: Secret; readonly cramMd5: boolean } | null
  readonly tls: { readonly serverName: string; readonly insecureSkipVerify: boolean; readonly ca: string | null }
  readonly sendResolved: boolean
  readonly timeoutMs: number
  readonly look: Look
  /** `html`, `text`, and headers by their names. */
  readonly own: Readonly<Record<string, TemplateText>>
}

const oneLineText = z.string().regex(/^[^\r\n]*$/, 'must be one line')

const smarthost = z.string().transform((text, context) => {
  if (text === '') return undefined
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]]+)):(\d{1,5})$/.exec(text)
  const host = match?.[1] ?? match?.[2]
  const port = Number(match?.[3])
  const words = host === undefined ? null : refusal(host, 'private')
  if (host !== undefined && words === null && port > 0 && port <= 65_535) return { host, port }
  const message =
    words === null ? 'not a mail server: write host:port, for example smtp.example.org:587' : `refused: ${words}`
  context.addIssue({ code: 'custom', message })
  return z.NEVER
})

const tlsConfig = (files: SecretFiles) =>
  z
    .object({
      ca: z.string().optional(),
      ca_file: fileName,
      server_name: z.string().default(''),
      insecure_skip_verify: z.boolean().default(false),
      cert_file: notYet('a client certificate cannot be used'),
      key_file: notYet('a client certificate cannot be used'),
    })
    .strict()
    .transform((raw, context) => ({
      serverName: raw.server_name,
      insecureSkipVerify: raw.insecure_skip_verify,
      ca: takeSecret(context, raw, 'ca', files)?.reveal() ?? null,
    }))

const identity = notYet('the identity is always the user')

/** The `smtp_*` keys of `global`; the transform stands in `config.ts`, which knows the other keys there. */
export const smtpGlobalKeys = (files: SecretFiles) => ({
  smtp_from: oneLineText.optional(),
  smtp_hello: oneLineText.optional(),
  smtp_smarthost: smarthost.optional(),
  smtp_auth_username: z.string().optional(),
  smtp_auth_password: secretText,
  smtp_auth_password_file: fileName,
  smtp_auth_secret: secretText,
  smtp_auth_secret_file: fileName,
  smtp_auth_identity: identity,
  smtp_require_tls: z.boolean().default(true),
  smtp_tls_config: tlsConfig(files).optional(),
})

export type SmtpGlobal = {
  readonly from: string
  readonly hello: string
  readonly smarthost: { readonly host: string; readonly port: number } | undefined
  readonly username: string
  readonly password: Secret | undefined
  /** For CRAM-MD5, where there is no password. */
  readonly secret: Secret | undefined
  readonly requireTls: boolean
  readonly tls: EmailConfig['tls'] | undefined
}

export const emailReceiver = (files: Sources) =>
  z
    .object({
      to: oneLineText
        .refine(
          (text) => !text.includes('{{'),
          'a template cannot choose who is written to: use a route and a receiver each',
        )
        .refine((text) => /[^\s@]@[^\s@]/.test(text), 'not a mail address'),
      from: oneLineText.optional(),
      hello: oneLineText.optional(),
      smarthost: smarthost.optional(),
      auth_username: z.string().optional(),
      auth_password: secretText,
      auth_password_file: fileName,
      auth_secret: secretText,
      auth_secret_file: fileName,
      auth_identity: identity,
      require_tls: z.boolean().optional(),
      tls_config: tlsConfig(files).optional(),
      headers: emailHeaders(files).optional(),
      html: templateKey(files, 'html').optional(),
      text: templateKey(files).optional(),
      threading: notYet('messages of a group are always one thread'),
      send_resolved: z.boolean().default(false),
      timeout,
      ...lookKeys,
    })
    .strict()
    .transform((raw, context) => ({
      raw,
      password: takeSecret(context, raw, 'auth_password', files),
      secret: takeSecret(context, raw, 'auth_secret', files),
    }))
export type EmailReceiver = z.infer<ReturnType<typeof emailReceiver>>

/** One receiver over the global keys; `fault` gets the key and what is wrong with it. Null when something is. */
export function mergeEmail(
  receiver: EmailReceiver,
  global: SmtpGlobal,
  fault: (key: string, message: string) => void,
): EmailConfig | null {
  const { raw } = receiver
  const from = raw.from || global.from
  const server = raw.smarthost ?? global.smarthost
  const user = raw.auth_username || global.username
  // Its own first, of either kind; with both, the password.
  const plain = receiver.password ?? (receiver.secret === undefined ? global.password : undefined)
  const password = plain ?? receiver.secret ?? global.secret
  const requireTls = raw.require_tls ?? global.requireTls
  if (server === undefined) fault('smarthost', 'no mail server: set smarthost here or smtp_smarthost in global')
  if (from === '') fault('from', 'no sender: set from here or smtp_from in global')
  else if (!/[^\s@]@[^\s@]/.test(from)) fault('from', 'not a mail address')
  if (user !== '' && password === undefined) {
    fault('auth_username', 'no password: set auth_password_file here or smtp_auth_password_file in global')
  }
  if (server === undefined || !/[^\s@]@[^\s@]/.test(from) || (user !== '' && password === undefined)) return null
  const secure = server.port === 465
  const cramMd5 = plain === undefined
  if (user !== '' && !cramMd5 && !secure && !requireTls && !isLoopback(server.host)) {
    fault('require_tls', 'the password would cross the network unencrypted: leave require_tls true')
    return null
  }
  return {
    to: raw.to,
    from,
    hello: raw.hello || global.hello,
    ...server,
    secure,
    requireTls,
    auth: user === '' || password === undefined ? null : { user, password, cramMd5 },
    tls: raw.tls_config ?? global.tls ?? { serverName: '', insecureSkipVerify: false, ca: null },
    sendResolved: raw.send_resolved,
    timeoutMs: raw.timeout,
    look: lookOf(raw, 'en'),
    own: ownOf(raw),
  }
}

const ownOf = ({ html, text, headers }: EmailReceiver['raw']): EmailConfig['own'] => ({
  ...headers,
  ...(html === undefined ? {} : { html }),
  ...(text === undefined ? {} : { text }),
})
