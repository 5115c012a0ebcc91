// How verbs talk to the server: every failure has the right exit code and the next thing to do, and no token is ever shown.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import * as path from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { clientOptions, openClient } from '../../cli/client.ts'
import { errorText, exitCodes, type InferwardError } from '../../core/base/errors.ts'

const closers: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

async function client(listener: RequestListener, timeoutMs = 5000, token: string | null = 'canary-8841') {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closers.push(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  )
  return openClient({ server: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, token, timeoutMs })
}
const failure = async (work: Promise<unknown>): Promise<InferwardError> => {
  try {
    await work
  } catch (error) {
    return error as InferwardError
  }
  throw new Error('it succeeded')
}

describe('options', () => {
  it('come from flags, then the environment, then this host', () => {
    expect(clientOptions({}, {})).toEqual({ server: 'http://127.0.0.1:9700', token: null, timeoutMs: 10_000 })
    expect(clientOptions({}, { INFERWARD_SERVER: 'https://a:1/', INFERWARD_TOKEN: ' t\n' })).toMatchObject({
      server: 'https://a:1',
      token: 't',
    })
    expect(clientOptions({ server: 'http://b', timeout: '2.5' }, { INFERWARD_SERVER: 'https://a:1/' })).toMatchObject({
      server: 'http://b',
      timeoutMs: 2500,
    })
  })

  it('take a token from a file, before the environment', () => {
    const directory = mkdtempSync(path.join(tmpdir(), 'iw-client-'))
    closers.push(() => rmSync(directory, { recursive: true }))
    const file = path.join(directory, 'token')
    writeFileSync(file, 'from-file\n')
    expect(clientOptions({ tokenFile: file }, { INFERWARD_TOKEN: 'x' }).token).toBe('from-file')
  })

  it.each([
    [{ server: 'nowhere' }, {}, 'not a URL'],
    [{ server: 'localhost:9700' }, {}, 'not a URL'],
    [{ server: 'file:///etc/passwd' }, {}, 'not a URL'],
    [{ server: '' }, {}, 'not a URL'],
    [{ server: 'http://u:canary-8841@[' }, {}, 'not a URL'],
    [{ tokenFile: '/nowhere/at/all' }, {}, '/nowhere/at/all cannot be read'],
    [{ timeout: 'soon' }, {}, 'not a number of seconds'],
    [{ timeout: '0' }, {}, 'not a number of seconds'],
    [{ timeout: '-1' }, {}, 'not a number of seconds'],
    [{}, { INFERWARD_TOKEN: 'canary-8841 two' }, 'token'],
    [{}, { INFERWARD_TOKEN: 'canary-8841\nx: y' }, 'token'],
    [{}, { INFERWARD_TOKEN: 'canary-8841文' }, 'token'],
  ])('%j with %j are a mistake of usage', async (flags, environment, words) => {
    const error = await failure(Promise.resolve().then(() => clientOptions(flags, environment)))
    expect(error.exitCode).toBe(exitCodes.usage)
    expect(error.message).toContain(words)
    expect(error.hint).not.toBeUndefined()
    expect(errorText(error)).not.toContain('canary')
  })
})

describe('a call', () => {
  it('sends method, token and body, and gives back JSON or text', async () => {
    const seen: string[] = []
    const to = await client((request, response) => {
      let body = ''
      request.on('data', (part) => {
        body += part
      })
      request.on('end', () => {
        seen.push(
          `${request.method} ${request.url} ${request.headers.authorization} ${request.headers['content-type']} ${body}`,
        )
        response.end('{"a":1}')
      })
    })
    expect(await to.get('/g')).toEqual({ a: 1 })
    expect(await to.text('/t')).toBe('{"a":1}')
    expect(await to.post('/p', { b: 2 })).toEqual({ a: 1 })
    expect(seen).toEqual([
      'GET /g Bearer canary-8841 undefined ',
      'GET /t Bearer canary-8841 undefined ',
      'POST /p Bearer canary-8841 application/json {"b":2}',
    ])
  })

  it.each([
    [400, exitCodes.usage],
    [401, exitCodes.unauthorised],
    [403, exitCodes.unauthorised],
    [404, exitCodes.notFound],
    [409, exitCodes.failed],
    [500, exitCodes.failed],
    [502, exitCodes.unreachable],
    [503, exitCodes.unreachable],
  ])('answered %i ends with code %i and the words of the server', async (status, exitCode) => {
    const to = await client((_request, response) => {
      response.writeHead(status, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ error: { code: 'a.b', message: 'words of the server', hint: 'do this' } }))
    })
    expect(await failure(to.get('/x'))).toMatchObject({
      code: 'a.b',
      message: 'words of the server',
      hint: 'do this',
      exitCode,
    })
  })

  it.each([
    ['nothing', ''],
    ['HTML', '<html>'],
    ['null', 'null'],
    ['a list', '[]'],
    ['a null error', '{"error":null}'],
    ['an error that is text', '{"error":"HTTP 404 for /x"}'],
    ['an error of wrong types', '{"error":{"code":5,"message":["x"],"hint":{}}}'],
  ])('refused with %s as its body still has words', async (_name, body) => {
    const to = await client((_request, response) => void response.writeHead(404).end(body))
    const error = await failure(to.get('/x'))
    expect(error).toMatchObject({ exitCode: exitCodes.notFound, message: 'HTTP 404 for /x' })
  })

  it.each([
    ['HTML', '<html>'],
    ['nothing', ''],
  ])('answered 200 with %s is not taken for an answer', async (_name, body) => {
    const to = await client((_request, response) => void response.writeHead(200).end(body))
    for (const work of [to.get('/x'), to.post('/x', {})])
      expect(await failure(work)).toMatchObject({ code: 'cli.bad_answer', exitCode: exitCodes.failed })
  })

  it('that finds nobody, waits too long or is cut in the middle is unreachable, with what to do', async () => {
    const nobody = openClient({ server: 'http://127.0.0.1:1', token: null, timeoutMs: 1000 })
    const silent = await client(() => {}, 100)
    const stuck = await client((_request, response) => void response.writeHead(200).write('{'), 100)
    const cut = await client((_request, response) => {
      response.writeHead(200, { 'content-length': '100' })
      response.write('{"a"', () => response.destroy())
    })
    for (const to of [nobody, silent, stuck, cut]) {
      const error = await failure(to.get('/x'))
      expect(error).toMatchObject({ code: 'cli.unreachable', exitCode: exitCodes.unreachable, retryable: true })
      expect(error.hint).toContain('--server')
      expect(errorText(error)).not.toContain('canary')
    }
  })
})
