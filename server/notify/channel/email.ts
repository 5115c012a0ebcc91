// E-mail over SMTP, with Alertmanager's keys: text and HTML, one thread a group, the same Message-ID on every attempt. The only file that
// sees nodemailer, loaded at the first mail. The socket is ours: its address is checked, and it ends when time is up.

import { createHash } from 'node:crypto'
import { connect, isIP, type Socket } from 'node:net'
import { errorText, systemCode } from '../../../core/base/errors.ts'
import type { Channel, SendResult } from '../../dispatch/channel.ts'
import type { Notification } from '../../dispatch/notification.ts'
import { lookupGuard, refusal } from '../address-guard.ts'
import { type ChannelDeps, type ChannelPlace, channelName } from '../channel-config.ts'
import type { EmailConfig } from '../email-config.ts'
import { failure, replyText } from '../outcome.ts'
import { cutBytes } from '../render/bytes.ts'
import { plainText } from '../render/formats.ts'
import { htmlBody } from '../render/html.ts'
import { layout } from '../render/layout.ts'
import { oneLine, subject, toMessage } from '../render/message.ts'
import { ownTexts } from '../template/template-text.ts'

/** The text part: a mail has no limit, but its reader and most relays do. */
const maxTextBytes = 256 << 10

export type Mail = {
  readonly from: string
  readonly to: string
  /** Whom the server is told, whatever the headers show. */
  readonly envelope: { readonly from: string; readonly to: string }
  readonly subject: string
  readonly messageId: string
  readonly inReplyTo: string
  readonly references: string
  readonly date: Date
  readonly headers: Readonly<Record<string, string>>
  readonly text?: string
  readonly html?: string
}

const short = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 24)
const token = (text: string): string => (/^[A-Za-z0-9_.-]{1,64}$/.test(text) ? text : short(text))

/** All messages of a group answer one that was never sent: mail clients put them into one thread, whichever arrives first. */
export function mailOf(notification: Notification, config: EmailConfig): Mail {
  const domain = /@([A-Za-z0-9.-]+)>?\s*$/.exec(config.from)?.[1] ?? 'inferward.invalid'
  const thread = `<group.${short(`${notification.receiver}\n${notification.groupKey}`)}@${domain}>`
  const { texts, fault } = ownTexts(config.own, notification)
  const message = toMessage(notification, config.look, { texts: {}, fault })
  const { html, text, Subject, From, To, ...headers } = texts
  // An empty part is left out, as upstream; a mail without any says what the program would.
  const empty = html === '' && text === ''
  return {
    from: shown(From, config.from),
    to: shown(To, config.to),
    envelope: { from: config.from, to: config.to },
    subject: shown(Subject, subject(notification)),
    messageId: `<${token(notification.id)}@${domain}>`,
    inReplyTo: thread,
    references: thread,
    date: new Date(notification.at),
    headers: {
      'List-Id': `<${token(notification.receiver)}.alerts.${domain}>`,
      'Auto-Submitted': 'auto-generated',
      ...Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, shown(value, '')])),
    },
    ...(text === '' && !empty
      ? {}
      : { text: cutBytes(text || layout(message, plainText, maxTextBytes, ''), maxTextBytes) }),
    ...(html === '' ? {} : { html: html ?? htmlBody(message) }),
  }
}

/** A header is one line, whatever a label holds. */
const shown = (own: string | undefined, ours: string): string => (own === undefined ? ours : oneLine(own))

export function emailChannel(place: ChannelPlace, config: EmailConfig, deps: ChannelDeps): Channel {
  const secrets = config.auth === null ? [] : [config.auth.password.reveal()]
  return {
    name: channelName(place, 'email'),
    kind: 'email',
    receiver: place.receiver,
    sendResolved: config.sendResolved,
    async send(notification, signal) {
      // A relay within the own network is the rule, and only the file can name one.
      const words = refusal(config.host, 'private')
      if (words !== null) return failure('unreachable', `not connected: ${words}`, false)
      if (signal.aborted) return failure('timeout', 'stopped before it was sent', true)
      const socket = connect({ host: config.host, port: config.port, lookup: lookupGuard('private') })
      const over = { reason: '' }
      const end = (reason: string): void => {
        over.reason = reason
        socket.destroy(new Error(reason))
      }
      const stop = (): void => end('stopped before the answer came')
      signal.addEventListener('abort', stop, { once: true })
      using _timer = deps.clock.timer(config.timeoutMs, () => end(`no answer within ${config.timeoutMs} ms`))
      try {
        await connected(socket)
        return await deliver(socket, mailOf(notification, config), config, secrets)
      } catch (error) {
        if (over.reason !== '') return failure('timeout', over.reason, true)
        return mailFailure(error, secrets)
      } finally {
        signal.removeEventListener('abort', stop)
        socket.destroy()
      }
    },
    preview(notification) {
      const mail = mailOf(notification, config)
      const login = config.auth === null ? '' : `AUTH ${config.auth.user} ***\n`
      const secure = config.secure ? 'TLS' : config.requireTls ? 'STARTTLS' : 'no encryption'
      const head = [
        `From: ${mail.from}`,
        `To: ${mail.to}`,
        `Subject: ${mail.subject}`,
        `Message-ID: ${mail.messageId}`,
        `In-Reply-To: ${mail.inReplyTo}`,
        ...Object.entries(mail.headers).map(([name, value]) => `${name}: ${value}`),
      ]
      return `SMTP ${config.host}:${config.port} (${secure})\n${login}${head.join('\n')}\n\n${mail.text ?? mail.html}`
    },
  }
}

function connected(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('connect', resolve)
    // Stays for the life of the socket: an error after the mail was taken must not end the program.
    socket.on('error', reject)
    socket.once('close', () => reject(new Error('the connection ended')))
  })
}

async function deliver(
  socket: Socket,
  mail: Mail,
  config: EmailConfig,
  secrets: readonly string[],
): Promise<SendResult> {
  const { createTransport } = await import('nodemailer')
  // An address is no name for SNI; the certificate is then checked against the address.
  const serverName = config.tls.serverName || (isIP(config.host) === 0 ? config.host : '')
  const transport = createTransport({
    connection: socket,
    host: config.host,
    port: config.port,
    secure: config.secure,
    requireTLS: config.requireTls && !config.secure,
    // As upstream: without `require_tls` STARTTLS is not even tried, so an offered but broken certificate cannot stop a local relay.
    ignoreTLS: !config.requireTls,
    ...(config.hello === '' ? {} : { name: config.hello }),
    ...(config.auth === null ? {} : { auth: { user: config.auth.user, pass: config.auth.password.reveal() } }),
    ...(config.auth?.cramMd5 === true ? { authMethod: 'CRAM-MD5' } : {}),
    tls: {
      ...(serverName === '' ? {} : { servername: serverName }),
      rejectUnauthorized: !config.tls.insecureSkipVerify,
      ...(config.tls.ca === null ? {} : { ca: config.tls.ca }),
    },
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  try {
    const sent = await transport.sendMail(mail)
    const missed = sent.rejected
    // Some have it: sending again would double theirs, so the others are named instead.
    const note = missed.length === 0 ? '' : `; refused for ${missed.join(', ')}`
    return { ok: true, reply: replyText(`${sent.response}${note}`, secrets) }
  } finally {
    transport.close()
  }
}

/** SMTP: 4yz is "later", 5yz is "never"; 552 and 523 are about size. */
function mailFailure(error: unknown, secrets: readonly string[]): SendResult {
  const reply = replyText(errorText(error), secrets)
  const status = (error as { responseCode?: number }).responseCode
  if (status === 552 || status === 523) return failure('too_long', reply, false)
  if (status !== undefined && status >= 500) return failure('rejected', reply, false)
  if (status !== undefined && status >= 400) return failure('rejected', reply, true)
  switch (systemCode(error)) {
    case 'notify.refused_address':
      return failure('unreachable', reply, false)
    case 'EAUTH':
    case 'ENOAUTH':
    case 'EENVELOPE':
    case 'ETLS':
      return failure('rejected', reply, false)
    case 'ETIMEDOUT':
      return failure('timeout', reply, true)
    case 'EPROTOCOL':
      return failure('bad_reply', reply, true)
    default:
      return failure('unreachable', reply, true)
  }
}
