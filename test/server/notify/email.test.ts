// Mail over a real SMTP conversation on loopback.

import { createServer } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { openSmtpSink } from '../../helpers/sinks/smtp-sink.ts'
import { load, never, receiverFile, testDeps } from './deps.ts'
import { alert, at, many, notification } from './sample.ts'

const closing: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const one of closing.splice(0)) await one.close()
})

async function open(more = '', login?: { user: string; password: string }) {
  const deps = testDeps()
  const sink = await openSmtpSink(login)
  closing.push(sink)
  const globals = [
    'global:',
    `  smtp_smarthost: 127.0.0.1:${sink.port}`,
    '  smtp_from: Inferward <alerts@example.org>',
    '  smtp_hello: host.example.org',
    '  smtp_require_tls: false',
    '',
  ].join('\n')
  const config = load(
    receiverFile(`    email_configs:\n      - to: ops@example.org, boss@example.org\n${more}`, globals),
  )
  return { deps, sink, channel: config.channels(deps)[0]! }
}

/** Header names in lower case, folded lines joined; parts with their transfer encoding undone. */
function read(raw: string) {
  const unfold = (block: string): Map<string, string> =>
    new Map(
      block
        .replace(/\r\n[ \t]+/g, ' ')
        .split('\r\n')
        .map((line) => [line.split(':')[0]!.toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
    )
  const end = raw.indexOf('\r\n\r\n')
  const headers = unfold(raw.slice(0, end))
  const boundary = /boundary="(.+?)"/.exec(headers.get('content-type')!)![1]!
  const parts = raw
    .slice(end)
    .split(`--${boundary}`)
    .slice(1, -1)
    .map((part) => {
      const at = part.indexOf('\r\n\r\n')
      const own = unfold(part.slice(2, at))
      const body = part.slice(at + 4)
      const encoding = own.get('content-transfer-encoding')
      const bytes =
        encoding === 'base64'
          ? Buffer.from(body, 'base64')
          : Buffer.from(
              body
                .replace(/=\r\n/g, '')
                .replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
              'latin1',
            )
      return { type: own.get('content-type')!, text: bytes.toString('utf8') }
    })
  return { headers, parts }
}

describe('a mail', () => {
  it('goes to everybody, with text and HTML, subject and identity', async () => {
    const { sink, channel } = await open()
    const alerts = many(2)
    expect(channel).toMatchObject({ name: 'oncall/email[0]', kind: 'email', sendResolved: false })
    expect(await channel.send(notification(alerts), never)).toEqual({ ok: true, reply: '250 2.0.0 ok: queued as 4711' })
    const mail = sink.mails()[0]!
    expect(mail).toMatchObject({
      from: 'alerts@example.org',
      to: ['ops@example.org', 'boss@example.org'],
      hello: 'host.example.org',
    })
    const { headers, parts } = read(mail.raw)
    expect(headers.get('subject')).toBe('[FIRING:2] GpuTooHot (critical)')
    expect(headers.get('from')).toBe('Inferward <alerts@example.org>')
    expect(headers.get('message-id')).toBe('<01JD000000000000000000TEST@example.org>')
    expect(headers.get('list-id')).toBe('<oncall.alerts.example.org>')
    expect(headers.get('auto-submitted')).toBe('auto-generated')
    expect(headers.get('date')).toBe('Sat, 21 Nov 2026 02:10:00 +0000')
    expect(parts.map((part) => part.type)).toEqual(['text/plain; charset=utf-8', 'text/html; charset=utf-8'])
    expect(parts[0]!.text).toMatch('🔴 FIRING (2) · GpuTooHot')
    expect(parts[0]!.text).toContain('Since: 2026-11-21 02:00:00 (UTC)')
    expect(parts[1]!.text).toContain(
      '<li>🔴 FIRING gpu-01 · 91 · 显存碎片率过高,请检查 1 · 2026-11-21 02:00:00 (UTC)</li>',
    )
  })

  it('of one group is one thread, of another group another', async () => {
    const { sink, channel } = await open('        send_resolved: true\n')
    await channel.send(notification(), never)
    await channel.send(notification([alert({ endsAt: at })], { id: 'later' }), never)
    await channel.send(notification([alert()], { id: 'else', groupKey: '{}:{alertname="Other"}' }), never)
    const [first, later, other] = sink.mails().map((mail) => read(mail.raw).headers)
    expect(first!.get('in-reply-to')).toMatch(/^<group\.[0-9a-f]{24}@example\.org>$/)
    expect(later!.get('in-reply-to')).toBe(first!.get('in-reply-to'))
    expect(later!.get('references')).toBe(first!.get('references'))
    expect(later!.get('message-id')).not.toBe(first!.get('message-id'))
    expect(later!.get('subject')).toMatch('[RESOLVED] GpuTooHot')
    expect(other!.get('in-reply-to')).not.toBe(first!.get('in-reply-to'))
  })

  it('in its own words has its own subject, text and HTML, and goes to whom the receiver names', async () => {
    const keys = [
      '        headers: { Subject: "{{ .Status }}: {{ .GroupLabels.alertname }}", To: "Fleet <fleet@example.org>", X-Team: gpu }',
      '        text: "{{ len .Alerts }} alerts"',
      '        html: \'<p title="{{ .GroupLabels.alertname }}">{{ .GroupLabels.alertname }}</p>\'',
    ]
    const { sink, channel } = await open(`${keys.join('\n')}\n`)
    const labels = { alertname: 'A<b>\r\nBcc: evil@example.org' }
    const own = notification([alert({ labels })], { groupLabels: labels })
    expect(await channel.send(own, never)).toMatchObject({ ok: true })
    const [mail] = sink.mails()
    expect(mail!.to).toEqual(['ops@example.org', 'boss@example.org'])
    const { headers, parts } = read(mail!.raw)
    expect(headers.get('subject')).toBe('firing: A<b> Bcc: evil@example.org')
    expect(headers.get('to')).toBe('Fleet <fleet@example.org>')
    expect(headers.get('x-team')).toBe('gpu')
    expect(headers.get('in-reply-to')).toMatch(/^<group\./)
    expect(headers.has('bcc')).toBe(false)
    expect(parts.map((part) => part.text.replaceAll('\r', '').trim())).toEqual([
      '1 alerts',
      '<p title="A&lt;b&gt;\nBcc: evil@example.org">A&lt;b&gt;\nBcc: evil@example.org</p>',
    ])
  })

  it('may be in Chinese, and a label starts no header of its own', async () => {
    const { sink, channel } = await open('        lang: zh\n')
    const labels = { alertname: 'A\r\nBcc: evil@example.org', severity: 'critical' }
    await channel.send(notification([alert({ labels })], { groupLabels: { alertname: labels.alertname } }), never)
    const { headers, parts } = read(sink.mails()[0]!.raw)
    expect(headers.has('bcc')).toBe(false)
    expect(sink.mails()[0]!.to).toHaveLength(2)
    expect(parts[0]!.text).toContain('开始时间：2026-11-21 10:00:00 (Asia/Shanghai)')
  })

  it('logs in when it has a user, and never shows the password', async () => {
    const login = { user: 'alerts', password: 'canary-password' }
    const { sink, channel } = await open(
      '        auth_username: alerts\n        auth_password: canary-password\n',
      login,
    )
    expect(await channel.send(notification(), never)).toMatchObject({ ok: true })
    expect(sink.mails()[0]!.user).toBe('alerts')
    expect(channel.preview(notification())).toContain('AUTH alerts ***\nFrom: Inferward <alerts@example.org>')
    sink.answer('AUTH', '535 5.7.8 wrong password canary-password')
    const refused = await channel.send(notification(), never)
    expect(refused).toMatchObject({ ok: false, code: 'rejected', retryable: false })
    expect(refused.reply).toContain('535 5.7.8')
    expect(`${JSON.stringify(refused)}${channel.preview(notification())}`).not.toContain('canary')
  })
})

describe('a mail server that says no', () => {
  it.each([
    { verb: 'MAIL', line: '451 4.3.0 try later', result: { code: 'rejected', retryable: true } },
    { verb: 'MAIL', line: '550 5.7.1 not you', result: { code: 'rejected', retryable: false } },
    { verb: 'DATA', line: '552 5.3.4 too big', result: { code: 'too_long', retryable: false } },
    { verb: 'DATA', line: '421 4.3.2 shutting down', result: { code: 'rejected', retryable: true } },
  ])('"$line" is understood', async ({ verb, line, result }) => {
    const { sink, channel } = await open()
    sink.answer(verb, line)
    const answer = await channel.send(notification(), never)
    expect(answer).toMatchObject({ ok: false, ...result })
    expect(answer.reply).toContain(line)
    expect(sink.mails()).toEqual([])
  })

  it('for one of two people is delivered to the other, and says to whom not', async () => {
    const { sink, channel } = await open()
    sink.answer('RCPT', '550 5.1.1 no such user')
    const result = await channel.send(notification(), never)
    expect(result).toMatchObject({ ok: true })
    expect(result.reply).toContain('refused for ops@example.org')
    expect(sink.mails()[0]!.to).toEqual(['boss@example.org'])
  })

  it('by silence ends in a timeout', async () => {
    const { deps, sink, channel } = await open('        timeout: 3s\n')
    sink.answer('EHLO', null)
    const result = channel.send(notification(), never)
    await deps.clock.advance(3000)
    expect(await result).toMatchObject({
      ok: false,
      code: 'timeout',
      retryable: true,
      reply: 'no answer within 3000 ms',
    })
  })

  it('by not being there is tried again', async () => {
    const { sink, channel } = await open()
    await sink.close()
    expect(await channel.send(notification(), never)).toMatchObject({ ok: false, code: 'unreachable', retryable: true })
  })

  it('by hanging up at once is tried again', async () => {
    const server = createServer((socket) => socket.destroy())
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    closing.push({ close: () => new Promise((resolve) => void server.close(() => resolve())) })
    const { port } = server.address() as { port: number }
    const { channel } = await open(`        smarthost: 127.0.0.1:${port}\n`)
    expect(await channel.send(notification(), never)).toMatchObject({ ok: false, code: 'unreachable', retryable: true })
  })

  it('by offering no TLS where TLS is required is not trusted with the mail', async () => {
    const { sink, channel } = await open('        require_tls: true\n')
    expect(await channel.send(notification(), never)).toMatchObject({ ok: false })
    expect(sink.mails()).toEqual([])
  })

  it('is not waited for when the sender is stopped', async () => {
    const { channel } = await open()
    const stop = new AbortController()
    stop.abort()
    expect(await channel.send(notification(), stop.signal)).toMatchObject({
      ok: false,
      code: 'timeout',
      retryable: true,
    })
  })
})
