// A small SMTP server: EHLO, AUTH PLAIN, MAIL, RCPT, DATA, QUIT, in that order and no other. Keeps envelopes and raw messages.

import type { AddressInfo } from 'node:net'
import { createServer, type Socket } from 'node:net'

export type Envelope = {
  readonly from: string
  readonly to: readonly string[]
  readonly user: string | null
  readonly hello: string
  readonly raw: string
}

export type SmtpSink = {
  readonly port: number
  mails(): readonly Envelope[]
  /** Answer to the next command that begins with this verb, instead of the usual one; `null` = no answer at all. */
  answer(verb: string, line: string | null): void
  close(): Promise<void>
}

export async function openSmtpSink(
  options: { readonly user?: string; readonly password?: string } = {},
): Promise<SmtpSink> {
  const mails: Envelope[] = []
  const answers = new Map<string, string | null>()
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => socket.destroy())
    let session = { hello: '', user: null as string | null, from: '', to: [] as string[] }
    let data: string | null = null
    let buffer = ''
    const say = (line: string): void => void socket.write(`${line}\r\n`)
    const command = (line: string): void => {
      const verb = line.split(/[ :]/)[0]!.toUpperCase()
      if (answers.has(verb)) {
        const line = answers.get(verb)!
        answers.delete(verb)
        if (line !== null) say(line)
        return
      }
      switch (verb) {
        case 'EHLO':
          session = { ...session, hello: line.slice(5) }
          return say(options.user === undefined ? '250 sink' : '250-sink\r\n250 AUTH PLAIN')
        case 'AUTH': {
          const [, user, password] = Buffer.from(line.split(' ')[2] ?? '', 'base64')
            .toString()
            .split('\0')
          if (user !== options.user || password !== options.password) return say('535 5.7.8 authentication failed')
          session.user = user ?? null
          return say('235 2.7.0 accepted')
        }
        case 'MAIL':
          if (session.hello === '') return say('503 5.5.1 say EHLO first')
          if (options.user !== undefined && session.user === null) return say('530 5.7.0 authentication required')
          session.from = /<(.*?)>/.exec(line)?.[1] ?? ''
          return say('250 2.1.0 ok')
        case 'RCPT':
          if (session.from === '') return say('503 5.5.1 MAIL first')
          session.to.push(/<(.*?)>/.exec(line)?.[1] ?? '')
          return say('250 2.1.5 ok')
        case 'DATA':
          if (session.to.length === 0) return say('503 5.5.1 RCPT first')
          data = ''
          return say('354 end with a dot')
        case 'QUIT':
          say('221 2.0.0 bye')
          return void socket.end()
        default:
          return say('502 5.5.2 not known')
      }
    }
    socket.on('data', (chunk) => {
      buffer += chunk.toString('latin1')
      for (let at = buffer.indexOf('\r\n'); at >= 0; at = buffer.indexOf('\r\n')) {
        const line = buffer.slice(0, at)
        buffer = buffer.slice(at + 2)
        if (data === null) command(line)
        else if (line === '.') {
          mails.push({ ...session, to: [...session.to], raw: data })
          data = null
          session = { ...session, from: '', to: [] }
          say('250 2.0.0 ok: queued as 4711')
        } else data += `${line.startsWith('.') ? line.slice(1) : line}\r\n`
      }
    })
    say('220 sink ESMTP')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    mails: () => mails,
    answer: (verb, line) => void answers.set(verb, line),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
}
