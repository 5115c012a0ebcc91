// Links of messages and the page behind them: what a preview, a person, a forger and a late reader get.

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { afterEach, describe, expect, it } from 'vitest'
import { InferwardError } from '../../../core/base/errors.ts'
import { secret } from '../../../core/base/redact.ts'
import { virtualClock } from '../../../core/base/virtual-clock.ts'
import { type ActionPorts, actionPages, offeredActions } from '../../../server/http/action-page.ts'
import { actionToken, openActionLinks, readActionToken } from '../../../server/notify/action-link.ts'
import { alert, at, notification } from '../notify/sample.ts'

const key = secret('link-key-canary')
const closing: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const one of closing.splice(0)) await one()
})

type Silenced = Parameters<NonNullable<ActionPorts['silence']>>[0]

async function open(more: Partial<ActionPorts> = {}) {
  const clock = virtualClock(at)
  const silenced: Silenced[] = []
  const ports: ActionPorts = {
    silence: async (request) => {
      silenced.push(request)
      return { id: `s${silenced.length}`, endsAt: request.endsAt }
    },
    ...more,
  }
  const app = express()
  app.use(actionPages({ clock, key, ports }))
  const server = createServer(app)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closing.push(
    () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  )
  const externalUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const links = openActionLinks(key, offeredActions(ports))(notification([alert()], { externalUrl }))
  const ask = async (method: string, url: string, form?: Record<string, string>, lang = 'en') => {
    const body = form === undefined ? null : new URLSearchParams(form)
    const response = await fetch(url, { method, headers: { 'accept-language': lang }, body })
    return { status: response.status, headers: response.headers, text: await response.text() }
  }
  return { clock, silenced, links, ask, externalUrl }
}
const urlOf = (one: { links: readonly { action: string; url: string }[] }, action = 'silence'): string =>
  one.links.find((link) => link.action === action)!.url

describe('the page behind a link', () => {
  it.each([
    'GET',
    'HEAD',
  ])('shows by %s what would happen, and changes nothing however often it is read', async (method) => {
    const one = await open()
    for (let n = 0; n < 3; n++) {
      const page = await one.ask(method, urlOf(one))
      expect(page.status).toBe(200)
      if (method === 'GET') {
        expect(page.text).toContain('Silence these alerts?')
        expect(page.text).toContain('<code>alertname=&quot;GpuTooHot&quot;</code>')
      }
      expect(page.headers.get('cache-control')).toBe('no-store')
      expect(page.headers.get('content-security-policy')).toMatch("default-src 'none'; form-action 'self'")
    }
    expect(one.silenced).toEqual([])
  })

  it('does it by POST, once, though the form is sent twice', async () => {
    const one = await open()
    const form = { name: '张三', comment: 'known', hours: '2' }
    const [first, second] = await Promise.all([
      one.ask('POST', urlOf(one), form, 'zh-CN,zh'),
      one.ask('POST', urlOf(one), { ...form, hours: '24' }, 'zh-CN'),
    ])
    expect(first!.status).toBe(200)
    expect(first!.text).toContain('已静默至 2026-11-21T04:10:00.000Z（静默 s1）')
    expect(second!.text).toBe(first!.text)
    expect(one.silenced).toEqual([
      { labels: { alertname: 'GpuTooHot' }, endsAt: at + 7_200_000, createdBy: '张三', comment: 'known' },
    ])
  })

  it.each([
    { name: 'no name', form: { hours: '1' }, status: 400 },
    { name: 'a blank name', form: { name: ' ', hours: '1' }, status: 400 },
    { name: 'a duration that is not offered', form: { name: 'a', hours: '8760' }, status: 400 },
    { name: 'a long name', form: { name: 'a'.repeat(101), hours: '1' }, status: 400 },
  ])('refuses $name and does nothing', async ({ form, status }) => {
    const one = await open()
    expect((await one.ask('POST', urlOf(one), form)).status).toBe(status)
    expect(one.silenced).toEqual([])
  })

  it('refuses a link after a day, a changed one, one of another server, and rubbish', async () => {
    const one = await open()
    const url = urlOf(one)
    const other = { action: 'silence' as const, message: 'm', labels: { a: 'b' }, expiresAt: at + 1000 }
    const payload = Buffer.from(JSON.stringify({ ...other, labels: {} })).toString('base64url')
    const bad = [
      `${url.slice(0, -1)}${url.endsWith('A') ? 'B' : 'A'}`,
      `${url}.x`,
      `${one.externalUrl}/notify/act/${actionToken(secret('another'), other)}`,
      `${one.externalUrl}/notify/act/${payload}.`,
      `${one.externalUrl}/notify/act/x`,
      `${one.externalUrl}/notify/act/${'a'.repeat(3000)}`,
      // Signed by us, but it would hold everything.
      `${one.externalUrl}/notify/act/${actionToken(key, { ...other, labels: {} })}`,
    ]
    for (const link of bad)
      for (const method of ['GET', 'POST'])
        expect((await one.ask(method, link, method === 'POST' ? { name: 'a' } : undefined)).status).toBe(403)
    one.clock.jump(86_400_000)
    expect((await one.ask('POST', url, { name: 'a' })).status).toBe(410)
    expect(one.silenced).toEqual([])
  })

  it('does by a link only what the link is for', async () => {
    const acked: unknown[] = []
    const one = await open({
      ack: async (request) => {
        acked.push(request)
        return { alerts: 2 }
      },
    })
    expect(one.links.map((link) => link.action)).toEqual(['ack', 'silence'])
    const page = await one.ask('POST', urlOf(one, 'ack'), { name: 'Ann', hours: '24' })
    expect(page.text).toContain('Acknowledged by Ann: 2 alerts, until 2026-11-22T02:10:00.000Z.')
    expect(acked).toEqual([
      {
        labels: { alertname: 'GpuTooHot' },
        expiresAt: at + 86_400_000,
        owner: 'Ann',
        comment: 'by a link in a message',
      },
    ])
    expect(one.silenced).toEqual([])
  })

  it('says what went wrong, hides what is ours, and may be asked again', async () => {
    let fault: unknown = new InferwardError({ code: 'silence.limit', message: 'too many silences stand' })
    const one = await open({
      silence: async ({ endsAt }) => {
        if (fault !== null) throw fault
        return { id: 's', endsAt }
      },
    })
    const post = () => one.ask('POST', urlOf(one), { name: 'a' })
    expect(await post()).toMatchObject({ status: 500, text: expect.stringContaining('too many silences stand') })
    fault = new Error('password=canary')
    expect((await post()).text).not.toContain('canary')
    fault = null
    expect((await post()).status).toBe(200)
  })

  it('shows labels and names as text', async () => {
    const one = await open()
    const labels = { alertname: '<script>alert(1)</script>' }
    const token = actionToken(key, { action: 'silence', message: 'm', labels, expiresAt: at + 1000 })
    const page = await one.ask('GET', `${one.externalUrl}/notify/act/${token}`)
    expect(page.text).not.toContain('<script>')
    expect(page.text).toContain('&lt;script&gt;')
  })
})

describe('a link', () => {
  const linksOf = (more: Parameters<typeof notification>[1]) =>
    openActionLinks(key, ['silence'])(notification([alert()], more))

  it('is the same on every attempt, and speaks of the group, else of what its alerts share', () => {
    expect(linksOf({})).toEqual(linksOf({}))
    const read = (more: Parameters<typeof notification>[1]) => {
      const token = linksOf(more)[0]!.url.split('/').at(-1)!
      const found = readActionToken(key, token, at)
      return found.ok ? found.statement.labels : found.reason
    }
    expect(read({})).toEqual({ alertname: 'GpuTooHot' })
    expect(read({ groupLabels: {}, commonLabels: { host: 'h', gone: '' } })).toEqual({ host: 'h' })
  })

  it.each([
    { name: 'a recovery', more: { status: 'resolved' as const } },
    { name: 'a digest', more: { digest: true as const } },
    { name: 'alerts that share nothing', more: { groupLabels: {}, commonLabels: {} } },
    { name: 'labels too long for a link', more: { groupLabels: { a: 'x'.repeat(2000) } } },
  ])('is not offered for $name', ({ more }) => {
    expect(linksOf(more)).toEqual([])
  })
})
