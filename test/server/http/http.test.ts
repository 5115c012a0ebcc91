// The HTTP edge over real sockets: the shape of every refusal, hostile requests, and nothing that ends the server.

import { request as httpRequest, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import express from 'express'
import { afterEach, describe, expect, it } from 'vitest'
import { InferwardError } from '../../../core/base/errors.ts'
import { createLog } from '../../../core/base/log.ts'
import { type HttpDeps, openHttp } from '../../../server/http/http.ts'

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

const failedQuery = (cause: Error): Error => new Error('Failed query: select canary-3321', { cause })

async function stand(more: Partial<HttpDeps> = {}) {
  const lines: string[] = []
  const router = express.Router()
  const failing: Readonly<Record<string, () => unknown>> = {
    notfound: () => new InferwardError({ code: 'fleet.not_found', message: 'no such engine', hint: 'See them.' }),
    forbidden: () => new InferwardError({ code: 'auth.forbidden', message: 'no' }),
    conflict: () => new InferwardError({ code: 'fleet.conflict', message: 'another is under way' }),
    invalid: () => new InferwardError({ code: 'http.invalid', message: 'limit: too small' }),
    malformed: () => new InferwardError({ code: 'remote_write.malformed', message: 'cut short' }),
    large: () => new InferwardError({ code: 'text.too_large', message: 'at most' }),
    usage: () => new InferwardError({ code: 'x.y', message: 'use', exitCode: 2 }),
    busy: () => new InferwardError({ code: 'store.busy', message: 'later', retryable: true }),
    broken: () => new InferwardError({ code: 'store.broken', message: 'broken' }),
    tricky: () => new InferwardError({ code: 'fleet.invalid_state_machine', message: 'our own fault' }),
    raw: () => new Error('select * from secrets where token=canary-3321'),
    thrown: () => 'only words, canary-3321',
    gone: () => failedQuery(Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })),
    starting: () => failedQuery(Object.assign(new Error('the database system is starting up'), { code: '57P03' })),
    cut: () => failedQuery(new Error('Connection terminated unexpectedly')),
    wrong: () => failedQuery(Object.assign(new Error('no such column'), { code: '42703' })),
  }
  router.get('/api/v1/fail/:kind', async (request) => {
    throw failing[request.params.kind]!()
  })
  router.post(
    '/api/v1/echo',
    express.json({ limit: '1kb' }),
    (request, response) => void response.json(request.body ?? null),
  )
  router.get('/api/v1/who', (_request, response) => void response.json(response.locals.principal))
  const http = openHttp({
    log: createLog({ write: (line) => void lines.push(line), now: () => 0, level: 'debug' }),
    listen: { host: '127.0.0.1', port: 0 },
    authenticate: async (request) => (request.headers.authorization === 'Bearer bad' ? null : { name: 'me' }),
    routers: [router],
    metrics: async () => ({ text: 'a 1\n', contentType: 'text/plain; version=0.0.4' }),
    ready: () => true,
    upgrade: (_request, socket) => void socket.end('HTTP/1.1 418 Teapot\r\n\r\n'),
    span: (_name, work) => work(),
    ...more,
  })
  const { url } = await http.start()
  closers.push(() => http.stop())
  return { url, port: Number(new URL(url).port), lines, http }
}

type Answer = { readonly status: number; readonly headers: IncomingMessage['headers']; readonly text: string }
function ask(
  port: number,
  path: string,
  options: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest(
      { port, host: '127.0.0.1', path, method: options.method ?? 'GET', headers: options.headers ?? {} },
      (incoming) => {
        let text = ''
        incoming.on('data', (part) => {
          text += part
        })
        incoming.on('end', () => resolve({ status: incoming.statusCode!, headers: incoming.headers, text }))
      },
    )
    outgoing.on('error', reject)
    outgoing.end(options.body)
  })
}
/** Bytes as they are, for what no client would send; the first line of the answer, or what ended it. */
function raw(port: number, bytes: string): Promise<string> {
  return new Promise((resolve) => {
    let text = ''
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes))
    socket.on('data', (part) => {
      text += part
    })
    socket.on('error', () => {})
    socket.on('close', () => resolve(text.split('\r\n', 1)[0]!))
    socket.setTimeout(2000, () => socket.destroy())
  })
}

describe('a refusal', () => {
  it.each([
    ['notfound', 404, 'fleet.not_found', 'no such engine'],
    ['forbidden', 403, 'auth.forbidden', 'no'],
    ['conflict', 409, 'fleet.conflict', 'another is under way'],
    ['invalid', 400, 'http.invalid', 'limit: too small'],
    ['malformed', 400, 'remote_write.malformed', 'cut short'],
    ['large', 413, 'text.too_large', 'at most'],
    ['usage', 400, 'x.y', 'use'],
    ['busy', 503, 'store.busy', 'later'],
    ['broken', 500, 'store.broken', 'broken'],
    ['tricky', 500, 'fleet.invalid_state_machine', 'our own fault'],
    ['gone', 503, 'database.unreachable', 'the database cannot be reached'],
    ['starting', 503, 'database.unreachable', 'the database cannot be reached'],
    ['cut', 503, 'database.unreachable', 'the database cannot be reached'],
    ['wrong', 500, 'http.failed', 'internal error; the server log has the details'],
    ['raw', 500, 'http.failed', 'internal error; the server log has the details'],
    ['thrown', 500, 'http.failed', 'internal error; the server log has the details'],
  ])('for %s is %i with code and words', async (kind, status, code, message) => {
    const { port, lines } = await stand()
    const answer = await ask(port, `/api/v1/fail/${kind}`)
    expect(answer.status).toBe(status)
    expect(answer.headers['content-type']).toContain('application/json')
    expect(JSON.parse(answer.text).error).toMatchObject({ code, message })
    expect(answer.text).not.toContain('canary')
    expect(lines.some((line) => line.includes('request failed'))).toBe(status >= 500)
  })

  it('of a wrong token is 401, names the ways in, and comes before the route is looked for', async () => {
    const { port } = await stand()
    for (const path of ['/api/v1/who', '/metrics', '/nothing', '/api/v1/fail/raw']) {
      const answer = await ask(port, path, { headers: { authorization: 'Bearer bad' } })
      expect(answer.status).toBe(401)
      expect(answer.headers['www-authenticate']).toContain('Bearer')
      expect(JSON.parse(answer.text).error.code).toBe('auth.token')
    }
    expect((await ask(port, '/-/healthy', { headers: { authorization: 'Bearer bad' } })).status).toBe(200)
  })

  it('when nobody can tell who asks is 500 without the reason', async () => {
    const { port } = await stand({ authenticate: () => Promise.reject(new Error('canary-3321')) })
    const answer = await ask(port, '/api/v1/who')
    expect(answer.status).toBe(500)
    expect(answer.text).not.toContain('canary')
  })

  it.each([
    ['GET', '/nothing'],
    ['GET', '/api/v1/nothing'],
    ['POST', '/api/v1/who'],
    ['DELETE', '/metrics'],
    ['GET', '/metrics/api/v1/query'],
    ['GET', '/package.json'],
    ['GET', '/..%2f..%2fpackage.json'],
    ['GET', '/../../package.json'],
    ['GET', '/%2e%2e/%2e%2e/package.json'],
    ['GET', '/.git/config'],
    ['GET', '/a%00b'],
    ['GET', '//evil.example/%2e%2e'],
  ])('for %s %s is 404 in JSON', async (method, path) => {
    const { port } = await stand()
    const answer = await ask(port, path, { method })
    expect(answer.status).toBe(404)
    expect(JSON.parse(answer.text).error.message).not.toBe('')
    expect(answer.text.length).toBeLessThan(1000)
  })

  it.each(['/%', '/%E0%A4%A', '/api/v1/fail/%'])('for %s, which cannot be decoded, is 4xx in JSON', async (path) => {
    const { port } = await stand()
    const answer = await ask(port, path)
    expect([400, 404]).toContain(answer.status)
    expect(JSON.parse(answer.text).error.message).not.toBe('')
  })

  it.each([
    ['no JSON', '{', 400],
    ['a body past the limit', JSON.stringify({ a: 'x'.repeat(2000) }), 413],
    ['JSON that is no map', '"x"', 400],
  ])('of %s tells the status and stays small', async (_name, body, status) => {
    const { port } = await stand()
    const answer = await ask(port, '/api/v1/echo', {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json' },
    })
    expect(answer.status).toBe(status)
    expect(answer.text).not.toContain('node_modules')
    expect(answer.text.length).toBeLessThan(500)
  })

  it('of a character set or a coding nobody knows is 415', async () => {
    const { port } = await stand()
    const post = (headers: Record<string, string>) => ask(port, '/api/v1/echo', { method: 'POST', body: '{}', headers })
    expect((await post({ 'content-type': 'application/json; charset=klingon' })).status).toBe(415)
    expect((await post({ 'content-type': 'application/json', 'content-encoding': 'xyz' })).status).toBe(415)
  })
})

describe('an answer', () => {
  it('carries the headers that keep a browser in its place, and says nothing of what runs here', async () => {
    const { port } = await stand()
    for (const path of ['/-/healthy', '/metrics', '/nothing', '/api/v1/fail/raw']) {
      const { headers } = await ask(port, path)
      expect(headers['content-security-policy']).toContain("default-src 'self'")
      expect(headers['x-content-type-options']).toBe('nosniff')
      expect(headers['x-powered-by']).toBeUndefined()
      expect(headers['access-control-allow-origin']).toBeUndefined()
    }
  })

  it('to HEAD is that to GET without a body, and OPTIONS runs nothing', async () => {
    const { port } = await stand()
    const head = await ask(port, '/metrics', { method: 'HEAD' })
    expect([head.status, head.text, head.headers['content-length']]).toEqual([200, '', '4'])
    expect((await ask(port, '/api/v1/fail/raw', { method: 'OPTIONS' })).status).toBe(200)
    expect(
      (await ask(port, '/api/v1/who', { method: 'OPTIONS', headers: { authorization: 'Bearer bad' } })).status,
    ).toBe(401)
  })

  it('to /-/ready says whether it is', async () => {
    let ready = false
    const { port } = await stand({ ready: () => ready })
    expect((await ask(port, '/-/ready')).status).toBe(503)
    expect((await ask(port, '/-/healthy')).status).toBe(200)
    ready = true
    expect((await ask(port, '/-/ready')).status).toBe(200)
  })

  it('never repeats a line break of the request as a header', async () => {
    const { port } = await stand()
    const answer = await ask(port, '/x%0d%0aset-cookie:%20a=b')
    expect(answer.headers['set-cookie']).toBeUndefined()
    expect(answer.status).toBe(404)
  })

  it('of metrics that failed is 500, and the next one works', async () => {
    let failing = true
    const { port } = await stand({
      metrics: async () => {
        if (failing) throw new Error('canary-3321')
        return { text: 'a 1\n', contentType: 'text/plain' }
      },
    })
    expect((await ask(port, '/metrics')).status).toBe(500)
    failing = false
    expect((await ask(port, '/metrics')).text).toBe('a 1\n')
  })
})

describe('a page of another origin', () => {
  it('may write nothing, whatever token its browser holds, and reads only what its browser lets it', async () => {
    const { port } = await stand()
    const origin = { origin: 'https://evil.example' }
    for (const method of ['POST', 'PUT', 'DELETE']) {
      const answer = await ask(port, '/api/v1/echo', { method, headers: origin })
      expect([answer.status, answer.text]).toEqual([403, expect.stringContaining('http.other_origin')])
    }
    expect((await ask(port, '/-/healthy', { headers: origin })).status).toBe(200)
    const ours = await ask(port, '/api/v1/echo', { method: 'POST', headers: { origin: `http://127.0.0.1:${port}` } })
    expect(ours.status).not.toBe(403)
  })
})

describe('the listener', () => {
  const upgrade = (target: string) =>
    `GET ${target} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`
  it.each([
    ['/agent', '418'],
    ['/agent?x=1', '418'],
    ['/', '404'],
    ['/agents', '404'],
    ['//', '404'],
    ['//agent', '404'],
    ['http://[', '404'],
    ['*', '404'],
    ['/%', '404'],
  ])('answers an upgrade of %s with %s', async (target, status) => {
    const { port } = await stand()
    expect(await raw(port, upgrade(target))).toContain(status)
    expect((await ask(port, '/-/healthy')).status).toBe(200)
  })

  it.each([
    ['no HTTP', 'hello\r\n\r\n', '400'],
    ['a header of 64 KiB', `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(65_536)}\r\n\r\n`, '400'],
    ['two lengths', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx', '400'],
    [
      'a length and chunks',
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      '400',
    ],
    ['a line break inside a header', 'GET / HTTP/1.1\r\nHost: a\r\nX: a\nb c\r\n\r\n', '400'],
    ['no host', 'GET / HTTP/1.1\r\n\r\n', '400'],
  ])('answers %s with %s', async (_name, bytes, status) => {
    const { port } = await stand()
    expect(await raw(port, bytes)).toContain(status)
    expect((await ask(port, '/-/healthy')).status).toBe(200)
  })

  it('outlives clients that hang up at any point', async () => {
    const { port } = await stand()
    const whole = `POST /api/v1/echo HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"a":`
    for (const text of [
      whole,
      upgrade('/nothing'),
      upgrade('/agent'),
      ...[1, 10, 40].map((cut) => whole.slice(0, cut)),
    ])
      await new Promise<void>((resolve) => {
        const socket = connect(port, '127.0.0.1', () => socket.write(text, () => socket.resetAndDestroy()))
        socket.on('error', () => {})
        socket.on('close', () => resolve())
      })
    expect((await ask(port, '/-/healthy')).status).toBe(200)
  })

  it('on a port that is taken says so and what to do, and can still be stopped', async () => {
    const { port } = await stand()
    const second = openHttp({
      log: createLog({ write: () => {}, now: () => 0, level: 'error' }),
      listen: { host: '127.0.0.1', port },
      authenticate: async () => ({}),
      routers: [],
      metrics: async () => ({ text: '', contentType: 'text/plain' }),
      ready: () => true,
      upgrade: () => {},
      span: (_name, work) => work(),
    })
    await expect(second.start()).rejects.toMatchObject({
      code: 'http.port_in_use',
      hint: expect.stringContaining(`${port}`),
    })
    await second.stop()
  })

  it('answers whoever asks, and keeps upgraded connections, while others hold every place', async () => {
    let upgraded = 0
    const { port } = await stand({
      maxConnections: 8,
      upgrade: (_request, socket) => {
        upgraded++
        socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\n')
        socket.on('data', (data) => socket.write(data))
        closers.push(async () => void socket.destroy())
      },
    })
    const agent = connect(port, '127.0.0.1', () => agent.write(upgrade('/agent')))
    await new Promise<void>((resolve) => agent.once('data', () => resolve()))
    const idle: ReturnType<typeof connect>[] = []
    for (let n = 0; n < 40; n++)
      await new Promise<void>((resolve) => {
        const socket = connect(port, '127.0.0.1', () => resolve())
        socket.on('error', () => {})
        idle.push(socket)
      })
    expect((await ask(port, '/-/healthy')).status).toBe(200)
    const echoed = new Promise<string>((resolve) => agent.once('data', (data) => resolve(String(data))))
    agent.write('still here')
    expect([await echoed, upgraded]).toEqual(['still here', 1])
    for (const socket of idle) socket.destroy()
    agent.destroy()
  })

  it('stops twice, and with connections open', async () => {
    const { port, http } = await stand()
    const idle = connect(port, '127.0.0.1')
    await new Promise<void>((resolve) => idle.once('connect', () => resolve()))
    idle.on('error', () => {})
    await http.stop()
    await http.stop()
    await expect(ask(port, '/-/healthy')).rejects.toThrow('ECONNREFUSED')
  })
})
