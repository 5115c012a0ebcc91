// A small SMTP server: EHLO, STARTTLS, AUTH PLAIN, MAIL, RCPT, DATA, QUIT, in that order and no other. Keeps envelopes and raw messages.

import { type AddressInfo, createServer, type Socket } from 'node:net'
import { TLSSocket } from 'node:tls'

export type Envelope = {
  readonly from: string
  readonly to: readonly string[]
  readonly user: string | null
  readonly hello: string
  readonly encrypted: boolean
  readonly raw: string
}

export type SmtpSink = {
  readonly port: number
  mails(): readonly Envelope[]
  /** Answer to the next command that begins with this verb, instead of the usual one; `null` = no answer at all. */
  answer(verb: string, line: string | null): void
  close(): Promise<void>
}

export type SmtpSinkOptions = {
  readonly user?: string
  readonly password?: string
  /** TLS from the first byte, or after STARTTLS, without which no mail is taken. */
  readonly tls?: { readonly mode: 'implicit' | 'starttls'; readonly key: string; readonly cert: string }
}

export async function openSmtpSink(options: SmtpSinkOptions = {}): Promise<SmtpSink> {
  const mails: Envelope[] = []
  const answers = new Map<string, string | null>()
  const sockets = new Set<Socket>()
  const { tls } = options
  const secured = (plain: Socket): Socket =>
    new TLSSocket(plain, { isServer: true, ...(tls === undefined ? {} : { key: tls.key, cert: tls.cert }) })
  const converse = (socket: Socket, encrypted: boolean): void => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => socket.destroy())
    const capabilities = [
      'sink',
      ...(options.user === undefined ? [] : ['AUTH PLAIN']),
      ...(tls !== undefined && !encrypted ? ['STARTTLS'] : []),
    ]
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
          return say(capabilities.map((one, n) => `250${n + 1 < capabilities.length ? '-' : ' '}${one}`).join('\r\n'))
        case 'STARTTLS':
          if (tls === undefined || encrypted) return say('502 5.5.2 not known')
          say('220 2.0.0 go ahead')
          socket.removeAllListeners('data')
          return converse(secured(socket), true)
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
          if (tls !== undefined && !encrypted) return say('530 5.7.0 STARTTLS first')
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
          mails.push({ ...session, to: [...session.to], encrypted, raw: data })
          data = null
          session = { ...session, from: '', to: [] }
          say('250 2.0.0 ok: queued as 4711')
        } else data += `${line.startsWith('.') ? line.slice(1) : line}\r\n`
      }
    })
  }
  const server = createServer((plain) => {
    const socket = tls?.mode === 'implicit' ? secured(plain) : plain
    socket.on('error', () => socket.destroy())
    converse(socket, tls?.mode === 'implicit')
    socket.write('220 sink ESMTP\r\n')
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
