// What `up` says of a first start, and to whom.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import * as path from 'node:path'
import { expect, it } from 'vitest'
import { announceAnswer, announceServer } from '../../cli/announce.ts'

it.each([
  [true, 'shown to a person'],
  [false, 'kept from a file or a journal'],
])('with toPerson=%s the token of a first start is %s', async (toPerson) => {
  const data = mkdtempSync(path.join(tmpdir(), 'iw-announce-'))
  const server = createServer((_request, response) => response.end('ready'))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as { port: number }).port}`
  const said: string[] = []
  try {
    const announced = announceServer(data, (words) => said.push(words.en), new AbortController().signal, toPerson)
    mkdirSync(path.join(data, 'run'))
    writeFileSync(path.join(data, 'admin.token'), 'a-token-of-43-characters\n')
    writeFileSync(path.join(data, 'run', 'server.url'), `${url}\n`)
    expect(await announced).toBe(url)
    expect(said.join('\n')).toContain(path.join(data, 'admin.token'))
    expect(said.join('\n').includes('a-token-of-43-characters')).toBe(toPerson)
  } finally {
    server.close()
    rmSync(data, { recursive: true, force: true })
  }
})

it('an engine that fails is told once, with where its cause stands, and the answer as soon as there is one', async () => {
  const said: string[] = []
  const phases = ['loading', 'backoff', 'loading', 'backoff', 'serving']
  let url = ''
  const server = createServer((request, response) => {
    const engine = { name: 'default', phase: phases.length > 1 ? phases.shift() : phases[0], url, model: 'm.gguf' }
    response.end(JSON.stringify(request.url === '/generate' ? { text: 'was the word' } : [engine]))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as { port: number }).port}`
  try {
    await announceAnswer(tmpdir(), url, (words) => said.push(words.en), new AbortController().signal)
    expect(said).toEqual([
      `engine    default does not start; its cause: inferward incidents show last --server ${url}`,
      `engine    ${url} (m.gguf)`,
      'first answer: In the beginning … was the word',
      'Ctrl-C stops everything.',
    ])
  } finally {
    server.closeAllConnections()
    server.close()
  }
})
