// Where a notification may not go, by name, by address, and by a name that changes its mind.

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { guardedLookup, lookupGuard, refusal } from '../../../server/notify/address-guard.ts'
import { openPost } from '../../../server/notify/http-post.ts'
import { never, testDeps } from './deps.ts'

const closing: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const one of closing.splice(0)) await one()
})

describe('an address', () => {
  it.each([
    '169.254.169.254',
    '169.254.170.2',
    '::ffff:169.254.169.254',
    '[::ffff:a9fe:a9fe]',
    '64:ff9b::a9fe:a9fe',
    'fd00:ec2::254',
    '[FD00:0EC2:0:0:0:0:0:254]',
    '100.100.100.200',
    'metadata.google.internal',
    'METADATA.google.internal.',
  ])('%s is refused', (host) => {
    expect(refusal(host)).toMatch('cloud metadata service')
  })

  it.each([
    '127.0.0.1',
    '10.0.0.1',
    '192.168.1.1',
    '100.100.100.201',
    'fd00::1',
    '::1',
    'oapi.dingtalk.com',
    '8.8.8.8',
  ])('%s is allowed', (host) => {
    expect(refusal(host)).toBeNull()
  })

  it.each([
    'http://2852039166/',
    'http://0xa9.0xfe.0xa9.0xfe/',
    'http://169.254.43518/',
    'http://[::ffff:169.254.169.254]/',
  ])('%s is seen through', async (url) => {
    const post = openPost(testDeps().clock)
    expect(await post({ url, headers: {}, body: '', timeoutMs: 1000 }, never)).toMatchObject({ kind: 'refused' })
  })
})

type Answer = readonly { readonly address: string; readonly family: number }[]
const resolver = (answer: Answer) =>
  ((_: string, __: unknown, callback: (error: null, addresses: Answer) => void) =>
    callback(null, answer)) as unknown as Parameters<typeof lookupGuard>[0]

describe('a name', () => {
  it('that resolves to a metadata service is not connected to, though it looks harmless', async () => {
    const { clock } = testDeps()
    const post = openPost(clock, lookupGuard(resolver([{ address: '169.254.169.254', family: 4 }])))
    const outcome = await post({ url: 'http://hooks.example.org/', headers: {}, body: '', timeoutMs: 1000 }, never)
    expect(outcome).toMatchObject({ kind: 'refused' })
    expect('reason' in outcome && outcome.reason).toMatch('hooks.example.org resolves to it')
  })

  it('is refused when any of its addresses is', async () => {
    const { clock } = testDeps()
    const answer = [
      { address: '127.0.0.1', family: 4 },
      { address: 'fd00:ec2::254', family: 6 },
    ]
    const post = openPost(clock, lookupGuard(resolver(answer)))
    const outcome = await post({ url: 'http://hooks.example.org/', headers: {}, body: '', timeoutMs: 1000 }, never)
    expect(outcome).toMatchObject({ kind: 'refused' })
  })

  it('is resolved once, and the connection uses what was checked', async () => {
    let asked = 0
    const server = createServer((request, response) => {
      request.resume()
      response.end(request.headers.host)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    closing.push(() => new Promise((resolve) => void server.close(() => resolve())))
    const { port } = server.address() as AddressInfo
    const rebinding = ((_: string, __: unknown, callback: (error: null, addresses: Answer) => void) => {
      asked++
      callback(null, [{ address: asked === 1 ? '127.0.0.1' : '169.254.169.254', family: 4 }])
    }) as unknown as Parameters<typeof lookupGuard>[0]
    const post = openPost(testDeps().clock, lookupGuard(rebinding))
    const ask = () => post({ url: `http://hooks.example.org:${port}/`, headers: {}, body: 'x', timeoutMs: 1000 }, never)
    expect(await ask()).toMatchObject({ kind: 'reply', status: 200, body: `hooks.example.org:${port}` })
    expect(asked).toBe(1)
    expect(await ask()).toMatchObject({ kind: 'refused' })
  })

  it('that is plain local is resolved as usual', async () => {
    const found = await new Promise((resolve) =>
      guardedLookup('localhost', { family: 4 }, (error, address) => resolve([error, address])),
    )
    expect(found).toEqual([null, '127.0.0.1'])
  })
})
