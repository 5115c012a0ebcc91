// Pages over loopback: from servers that behave, and from those that do not.

import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { createServer as createNetServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import * as path from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { Ending } from '../../../server/remote/ending.ts'
import type { GetRequest } from '../../../server/remote/page.ts'
import { openPageGet } from '../../../server/remote/page-get.ts'

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closers.push(() => {
    server.closeAllConnections()
    return new Promise((resolve) => server.close(resolve))
  })
  return `http://127.0.0.1:${(server.address() as { port: number }).port}/metrics`
}

/** Speaks for itself: `answer` is called for every piece that comes, on which connection. */
async function raw(answer: (socket: Socket, connection: number, text: string) => void): Promise<string> {
  let connections = 0
  const open = new Set<Socket>()
  const server = createNetServer((socket) => {
    const connection = ++connections
    open.add(socket)
    socket.on('error', () => {})
    socket.on('data', (bytes) => answer(socket, connection, bytes.toString('latin1')))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closers.push(() => {
    for (const socket of open) socket.destroy()
    return new Promise((resolve) => server.close(resolve))
  })
  return `http://127.0.0.1:${(server.address() as { port: number }).port}/metrics`
}

function reader(ca?: string) {
  const http = openPageGet(ca)
  closers.push(() => http.close())
  return async (url: string, more: Partial<GetRequest> = {}): Promise<string[]> => {
    const seen: string[] = []
    const request = { url, headers: { authorization: 'Bearer t' }, maxBytes: 1000, ending: new Ending(), ...more }
    await http.get(request, (bytes, contentType) => void seen.push(new TextDecoder().decode(bytes), contentType))
    return seen
  }
}
const fetchPage = (url: string, more: Partial<GetRequest> = {}) => reader()(url, more)

describe('a page over HTTP', () => {
  it('comes as it is, or packed', async () => {
    const url = await serve((request, response) => {
      response.setHeader('content-type', 'text/plain')
      if (request.headers.authorization !== 'Bearer t') return void response.writeHead(401).end()
      response.setHeader('content-encoding', 'gzip')
      response.end(gzipSync('a 1\n'))
    })
    expect(await fetchPage(url)).toEqual(['a 1\n', 'text/plain'])
    await expect(fetchPage(url, { headers: {} })).rejects.toThrow('server returned HTTP status 401')
  })

  it.each([
    ['plain', (text: string) => Buffer.from(text), undefined],
    ['packed', (text: string) => gzipSync(text), 'gzip'],
  ])('that is too large is refused, %s', async (_what, pack, encoding) => {
    const url = await serve((_request, response) => {
      if (encoding !== undefined) response.setHeader('content-encoding', encoding)
      response.end(pack('a 1\n'.repeat(300)))
    })
    await expect(fetchPage(url)).rejects.toThrow('page larger than 1000 bytes')
    expect((await fetchPage(url, { maxBytes: 1200 }))[0]).toHaveLength(1200)
  })

  it('that breaks off, or never comes, is a fault', async () => {
    const url = await serve((request, response) => {
      if (request.url === '/never') return
      response.writeHead(200, { 'content-length': '100' })
      response.write('a 1\n', () => response.destroy())
    })
    await expect(fetchPage(url)).rejects.toThrow()
    const ending = new Ending()
    const waiting = fetchPage(url.replace('metrics', 'never'), { ending })
    ending.end('late')
    await expect(waiting).rejects.toThrow('cut short')
    await expect(fetchPage(url, { ending })).rejects.toThrow('cut short')
  })

  it('is followed to another place, and the secret stays where it belongs', async () => {
    const seen: (string | undefined)[] = []
    const other = await serve((request, response) => {
      seen.push(request.headers.authorization)
      response.end('b 2\n')
    })
    const url = await serve((request, response) => {
      if (request.url === '/metrics') response.writeHead(302, { location: '/next' }).end()
      else if (request.url === '/next') response.writeHead(307, { location: other }).end()
      else response.writeHead(302, { location: request.url! }).end()
    })
    expect((await fetchPage(url))[0]).toBe('b 2\n')
    expect(seen).toEqual([undefined])
    await expect(fetchPage(url.replace('metrics', 'round'))).rejects.toThrow('redirected more than 10 times')
  })

  it('is not followed where the configuration says so', async () => {
    const url = await serve((_request, response) => void response.writeHead(302, { location: '/next' }).end())
    await expect(fetchPage(url, { followRedirects: false })).rejects.toThrow('server returned HTTP status 302 Found')
  })

  it.each([
    ['ftp://127.0.0.1/', 'redirected to ftp:'],
    ['http://', 'redirected to what is no address'],
  ])('sent on to %s is a fault', async (location, words) => {
    const url = await serve((_request, response) => void response.writeHead(302, { location }).end())
    await expect(fetchPage(url)).rejects.toThrow(words)
  })
})

describe('a connection', () => {
  const page = (body: string): string => `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`

  it('serves page after page', async () => {
    const seen: number[] = []
    const url = await raw((socket, connection) => {
      seen.push(connection)
      socket.write(page('a 1\n'))
    })
    const read = reader()
    for (let n = 0; n < 3; n++) expect((await read(url))[0]).toBe('a 1\n')
    expect(seen).toEqual([1, 1, 1])
  })

  it('that the other side has closed meanwhile is opened again, without a page being missed', async () => {
    const seen: number[] = []
    const url = await raw((socket, connection) => {
      seen.push(connection)
      if (seen.length % 2 === 1) socket.write(page('a 1\n'))
      else socket.resetAndDestroy()
    })
    const read = reader()
    await read(url)
    await expect(read(url)).resolves.toEqual(['a 1\n', ''])
    expect(seen).toEqual([1, 1, 2])
  })

  it('on which an answer was begun and broken off is a fault, and is not asked again', async () => {
    const seen: number[] = []
    const url = await raw((socket, connection) => {
      seen.push(connection)
      if (seen.length === 1) socket.write(page('a 1\n'))
      else socket.end('HTTP/1.1 200 OK\r\ncontent-le')
    })
    const read = reader()
    await read(url)
    await expect(read(url)).rejects.toThrow('the connection ended within the page')
    expect(seen).toEqual([1, 1])
  })

  it('on which more comes than was asked for is used no more', async () => {
    const url = await raw((socket, connection) => {
      socket.write(page(`a ${connection}\n`) + (connection === 1 ? page('forged 1\n') : ''))
    })
    const read = reader()
    expect((await read(url))[0]).toBe('a 1\n')
    expect((await read(url))[0]).toBe('a 2\n')
  })

  it('that nobody can open is a fault', async () => {
    await expect(fetchPage('http://127.0.0.1:1/metrics')).rejects.toThrow('ECONNREFUSED')
  })

  it('carries pages of many targets at a time, each to whom it belongs', async () => {
    const url = await raw((socket, _connection, text) => {
      const name = /GET \/(\w+)/.exec(text)![1]!
      const whole = page(`${name} 1\n`.repeat(20))
      socket.write(whole.slice(0, 50), () => setImmediate(() => socket.write(whole.slice(50))))
    })
    const read = reader()
    const names = Array.from({ length: 20 }, (_, n) => `m${n}`)
    const pages = await Promise.all(names.map((name) => read(url.replace('metrics', name))))
    expect(pages.map(([text]) => text)).toEqual(names.map((name) => `${name} 1\n`.repeat(20)))
  })

  it.each(['Bearer a\r\nx: y', 'Bearer a\ny', 'Bearer \u00e9'])('sends no header %j', async (authorization) => {
    const seen: string[] = []
    const url = await raw((_socket, _connection, text) => void seen.push(text))
    await expect(fetchPage(url, { headers: { authorization } })).rejects.toThrow(
      'a header holds what no header may hold',
    )
    expect(seen).toEqual([])
  })

  it('asks as HTTP/1.1 wants it', async () => {
    const seen: string[] = []
    const url = await raw((socket, _connection, text) => {
      seen.push(text)
      socket.write(page(''))
    })
    await fetchPage(`${url}?a=b%20c`)
    const host = new URL(url).host
    expect(seen).toEqual([`GET /metrics?a=b%20c HTTP/1.1\r\nhost: ${host}\r\nauthorization: Bearer t\r\n\r\n`])
  })
})

const openssl = spawnSync('openssl', ['version']).status === 0
describe.skipIf(!openssl)('over TLS', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'page-tls-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  async function secure(listener: RequestListener): Promise<{ url: string; ca: string }> {
    const [key, cert] = [path.join(folder, 'key.pem'), path.join(folder, 'cert.pem')]
    const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
    const made = spawnSync('openssl', [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-keyout',
      key,
      '-out',
      cert,
      '-days',
      '2',
      ...names,
    ])
    expect(made.status, made.stderr.toString()).toBe(0)
    const server = createTlsServer({ key: readFileSync(key), cert: readFileSync(cert) }, listener)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    closers.push(() => {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(resolve))
    })
    const { port } = server.address() as { port: number }
    return { url: `https://127.0.0.1:${port}/metrics`, ca: readFileSync(cert, 'utf8') }
  }

  it('a page is read as over plain HTTP, packed and bounded, and only from whom we trust', async () => {
    const { url, ca } = await secure((request, response) => {
      response.setHeader('content-type', 'text/plain')
      if (request.url === '/gone') return void response.writeHead(410).end('x')
      if (request.url === '/never') return
      response.setHeader('content-encoding', 'gzip').end(gzipSync('a 1\n'))
    })
    const read = reader(ca)
    expect(await read(url)).toEqual(['a 1\n', 'text/plain'])
    await expect(read(url, { maxBytes: 3 })).rejects.toThrow('page larger than 3 bytes')
    await expect(read(url.replace('metrics', 'gone'))).rejects.toThrow('server returned HTTP status 410 Gone')
    await expect(fetchPage(url)).rejects.toThrow('self-signed certificate')
    const ending = new Ending()
    const waiting = expect(read(url.replace('metrics', 'never'), { ending })).rejects.toThrow()
    ending.end('late')
    await waiting
  })

  it('a secret does not follow a page from TLS to plain HTTP', async () => {
    const seen: (string | undefined)[] = []
    const plain = await serve((request, response) => {
      seen.push(request.headers.authorization)
      response.end('b 2\n')
    })
    const { url, ca } = await secure((_request, response) => void response.writeHead(302, { location: plain }).end())
    expect((await reader(ca)(url))[0]).toBe('b 2\n')
    expect(seen).toEqual([undefined])
  })
})
