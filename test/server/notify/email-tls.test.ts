// Mail under TLS: certificates are checked, and what must be encrypted is never sent in the clear. Needs `openssl` for a certificate of its own.

import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import * as path from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { secret } from '../../../core/base/redact.ts'
import { emailChannel } from '../../../server/notify/channel/email.ts'
import type { EmailConfig } from '../../../server/notify/email-config.ts'
import { openSmtpSink } from '../../helpers/sinks/smtp-sink.ts'
import { never, testDeps } from './deps.ts'
import { notification } from './sample.ts'

const available = spawnSync('openssl', ['version']).status === 0

describe.skipIf(!available)('mail under TLS', () => {
  let folder = ''
  let key = ''
  let cert = ''
  const closing: { close(): Promise<void> }[] = []
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'iw-tls-'))
    const [keyFile, certFile] = [path.join(folder, 'key.pem'), path.join(folder, 'cert.pem')]
    const names = 'subjectAltName=DNS:mail.example.org,IP:127.0.0.1'
    const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
    execFileSync(
      'openssl',
      [
        'req',
        '-x509',
        ...kind,
        '-keyout',
        keyFile,
        '-out',
        certFile,
        '-days',
        '2',
        '-subj',
        '/CN=sink',
        '-addext',
        names,
      ],
      { stdio: 'ignore' },
    )
    key = readFileSync(keyFile, 'utf8')
    cert = readFileSync(certFile, 'utf8')
  })
  afterEach(async () => {
    for (const one of closing.splice(0)) await one.close()
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  const tls = { serverName: '', insecureSkipVerify: false }
  const open = async (mode: 'implicit' | 'starttls', more: (cert: string) => Partial<EmailConfig>) => {
    const sink = await openSmtpSink({ user: 'alerts', password: 'canary', tls: { mode, key, cert } })
    closing.push(sink)
    const config: EmailConfig = {
      to: 'ops@example.org',
      from: 'alerts@example.org',
      hello: '',
      host: '127.0.0.1',
      port: sink.port,
      secure: mode === 'implicit',
      requireTls: true,
      auth: { user: 'alerts', password: secret('canary'), cramMd5: false },
      tls: { ...tls, ca: cert },
      sendResolved: false,
      timeoutMs: 10_000,
      look: { lang: 'en', timeZone: 'UTC' },
      own: {},
      ...more(cert),
    }
    return { sink, channel: emailChannel({ receiver: 'oncall', index: 0 }, config, testDeps()) }
  }

  it.each(['implicit', 'starttls'] as const)('is delivered encrypted (%s), by address and by name', async (mode) => {
    const byAddress = await open(mode, () => ({}))
    expect(await byAddress.channel.send(notification(), never)).toMatchObject({ ok: true })
    expect(byAddress.sink.mails()[0]).toMatchObject({ encrypted: true, user: 'alerts' })
    const byName = await open(mode, (ca) => ({ tls: { ...tls, serverName: 'mail.example.org', ca } }))
    expect(await byName.channel.send(notification(), never)).toMatchObject({ ok: true })
  })

  it.each([
    { name: 'an unknown certificate', mode: 'implicit', more: () => ({ tls: { ...tls, ca: null } }) },
    { name: 'an unknown certificate', mode: 'starttls', more: () => ({ tls: { ...tls, ca: null } }) },
    {
      name: 'another name',
      mode: 'starttls',
      more: (ca: string) => ({ tls: { ...tls, serverName: 'x.example', ca } }),
    },
    { name: 'no TLS wanted where it is required', mode: 'starttls', more: () => ({ requireTls: false, auth: null }) },
  ] as const)('is not delivered to $name ($mode)', async ({ mode, more }) => {
    const { sink, channel } = await open(mode, more)
    expect(await channel.send(notification(), never)).toMatchObject({ ok: false })
    expect(sink.mails()).toEqual([])
  })

  it('is delivered to an unknown certificate when the file says so', async () => {
    const { sink, channel } = await open('starttls', () => ({
      tls: { serverName: '', insecureSkipVerify: true, ca: null },
    }))
    expect(await channel.send(notification(), never)).toMatchObject({ ok: true })
    expect(sink.mails()).toHaveLength(1)
  })
})
