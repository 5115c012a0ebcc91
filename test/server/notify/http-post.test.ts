// The one way out: how much is read, how long is waited, and what is left behind.

import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { maxReplyBytes, openPost } from '../../../server/notify/http-post.ts'
import { never, testDeps } from './deps.ts'

const closing: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const one of closing.splice(0)) await one()
})

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closing.push(
    () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  )
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
}
const request = (url: string) => ({
  url,
  headers: { 'x-test': 'yes' },
  body: '告警',
  timeoutMs: 5000,
  reach: 'host' as const,
})

describe('a post', () => {
  it('reads 64 KiB of an answer without end, and then hangs up', async () => {
    let left: () => void = () => {}
    const closed = new Promise<void>((resolve) => {
      left = resolve
    })
    const url = await serve((_, response) => {
      const more = (): void => {
        while (response.write('x'.repeat(4096)));
      }
      response.on('drain', more)
      response.on('close', left)
      more()
    })
    const { clock } = testDeps()
    const outcome = await openPost(clock)(request(url), never)
    expect(outcome).toMatchObject({ kind: 'reply', status: 200, cut: true })
    expect('body' in outcome && outcome.body.length).toBe(maxReplyBytes)
    await closed
    expect(clock.pending).toBe(0)
  })

  it('times out within an answer that goes on too slowly', async () => {
    let begun: () => void = () => {}
    const first = new Promise<void>((resolve) => {
      begun = resolve
    })
    const url = await serve((incoming, response) => {
      incoming.resume()
      response.write('{"errcode"', () => begun())
    })
    const { clock } = testDeps()
    const result = openPost(clock)(request(url), never)
    await first
    await clock.advance(5000)
    expect(await result).toEqual({ kind: 'timeout', reason: 'no answer within 5000 ms' })
  })

  it('of which the answer breaks off failed', async () => {
    const url = await serve((incoming, response) => {
      incoming.resume()
      response.writeHead(200, { 'content-length': '100' })
      response.write('{"errcode":0}', () => response.destroy())
    })
    expect(await openPost(testDeps().clock)(request(url), never)).toMatchObject({ kind: 'unreachable' })
  })

  it('with a header that HTTP cannot carry fails in words, and leaves no timer', async () => {
    const { clock } = testDeps()
    const broken = { ...request('http://127.0.0.1:1/'), headers: { 'idempotency-key': 'a\nb' } }
    expect(await openPost(clock)(broken, never)).toMatchObject({ kind: 'unreachable' })
    expect(clock.pending).toBe(0)
  })

  it('carries its bytes, headers and credentials, and follows no redirect', async () => {
    const seen: unknown[] = []
    const url = await serve((incoming, response) => {
      const chunks: Buffer[] = []
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
      incoming.on('end', () => {
        const { authorization, 'x-test': test } = incoming.headers
        seen.push([incoming.url, incoming.method, Buffer.concat(chunks).toString(), test, authorization])
        response.writeHead(307, { location: '/elsewhere' })
        response.end()
      })
    })
    const outcome = await openPost(testDeps().clock)(request(url.replace('//', '//user:pass@')), never)
    expect(outcome).toMatchObject({ kind: 'reply', status: 307 })
    expect(seen).toEqual([['/', 'POST', '告警', 'yes', `Basic ${Buffer.from('user:pass').toString('base64')}`]])
  })
})
