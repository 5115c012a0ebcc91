// The probe against engines that answer oddly: every answer is an answer, bounded in time, and none is a fault of the agent.

import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { httpProbe } from '../../../agent/engine/probe.ts'

async function answering(reply: (response: ServerResponse, path: string, body: string) => void) {
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (part) => {
      body += part
    })
    request.on('end', () => reply(response, request.url ?? '', body))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
const probe = httpProbe(() => performance.now())
const say =
  (status: number, text: string) =>
  (response: ServerResponse): void =>
    void response.writeHead(status).end(text)

describe('health', () => {
  it.each([
    ['{"status":"ok","incarnation":"l"}', { status: 'ok', incarnation: 'l' }],
    ['{"status":"loading"}', { status: 'loading', incarnation: null }],
    ['{"status":"draining","incarnation":7}', { status: 'draining', incarnation: null }],
    ['{"status":"splendid"}', { status: 'other', incarnation: null }],
    ['{}', { status: 'other', incarnation: null }],
    ['null', { status: 'unreachable', incarnation: null }],
    ['<html>', { status: 'unreachable', incarnation: null }],
  ])('of %s is read', async (text, health) => {
    await using engine = await answering(say(200, text))
    expect(await probe.health(engine.url)).toEqual(health)
  })

  it('of nobody is unreachable', async () => {
    expect(await probe.health('http://127.0.0.1:1')).toEqual({ status: 'unreachable', incarnation: null })
  })
})

describe('an inference', () => {
  it('asks for one token without chance, under an id of its own', async () => {
    let seen: unknown
    await using engine = await answering((response, path, body) => {
      seen = [path, JSON.parse(body)]
      say(200, '{"choices":[{"text":"x"}]}')(response)
    })
    const inference = await probe.infer(engine.url, 1000)
    expect(inference).toMatchObject({ ok: true, words: 'one token' })
    expect(inference.tookMs).toBeGreaterThan(0)
    expect(seen).toEqual(['/v1/completions', { prompt: 'ping', max_tokens: 1, temperature: 0 }])
  })

  it.each([
    ['a full queue', 429, '{}', true, 'queue full (429)'],
    ['a fault', 500, '{}', false, 'HTTP 500'],
    ['an answer without choices', 200, '{}', false, 'answer without choices'],
    ['an empty list of choices', 200, '{"choices":[]}', false, 'answer without choices'],
    ['no JSON', 200, 'ok', false, 'connection failed'],
  ])('that meets %s says so', async (_title, status, text, ok, words) => {
    await using engine = await answering(say(status, text))
    expect(await probe.infer(engine.url, 1000)).toMatchObject({ ok, words })
  })

  it('that is not answered in time, or by nobody, says so', async () => {
    await using engine = await answering(() => undefined)
    expect(await probe.infer(engine.url, 100)).toMatchObject({ ok: false, words: 'no answer within 100 ms' })
    expect(await probe.infer('http://127.0.0.1:1', 1000)).toMatchObject({ ok: false, words: 'connection failed' })
  })
})
