// Where a message may not go, by name, by address, and by a name that changes its mind.

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { classOf } from '../../../server/notify/address-class.ts'
import { lookupGuard, type Reach, type Resolve, refusal } from '../../../server/notify/address-guard.ts'
import { openPost, type PostOutcome } from '../../../server/notify/http-post.ts'
import { openWebhookSink } from '../../helpers/sinks/webhook-sink.ts'
import { load, never, receiverFile, testDeps } from './deps.ts'
import { notification } from './sample.ts'

const closing: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const one of closing.splice(0)) await one()
})

const places = {
  metadata: [
    '169.254.169.254',
    '169.254.170.2',
    '100.100.100.200',
    '192.0.0.192',
    '168.63.129.16',
    'fd00:ec2::254',
    'FD00:0EC2:0:0:0:0:0:254',
    '::ffff:169.254.169.254',
    '::ffff:a9fe:a9fe',
    '::169.254.169.254',
    '64:ff9b::a9fe:a9fe',
    '64:ff9b::6464:64c8',
    '2002:a9fe:a9fe::1',
  ],
  host: ['127.0.0.1', '127.255.0.1', '::1', '::ffff:127.0.0.1', '64:ff9b::7f00:1', '2002:7f00:1::'],
  private: [
    '10.0.0.1',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '100.64.0.1',
    '0.0.0.0',
    '198.18.0.1',
    '224.0.0.1',
    '255.255.255.255',
    'fd00::1',
    'fc00::1',
    'fe80::1',
    'fe80::1%eth0',
    'fec0::1',
    'ff02::1',
    '::',
    '::ffff:10.0.0.1',
    '::10.0.0.1',
    '64:ff9b::a00:1',
    '64:ff9b:1::1',
    '2002:a00:1::',
  ],
  public: [
    '8.8.8.8',
    '172.32.0.1',
    '100.63.255.255',
    '100.128.0.1',
    '2606:4700::1111',
    '64:ff9b::808:808',
    '2002:808:808::',
  ],
} as const

describe('an address', () => {
  it.each(
    Object.entries(places).flatMap(([kind, all]) => all.map((address) => ({ kind, address }))),
  )('$address is $kind', ({ kind, address }) => {
    expect(classOf(address)).toBe(kind)
  })

  it.each([
    { reach: 'public', taken: ['public'] },
    { reach: 'host', taken: ['public', 'host'] },
    { reach: 'private', taken: ['public', 'host', 'private'] },
  ] as const)('may be called with reach $reach when it is one of $taken', ({ reach, taken }) => {
    for (const [kind, all] of Object.entries(places))
      for (const address of all)
        expect([address, refusal(`[${address}]`, reach) === null]).toEqual([
          address,
          (taken as readonly string[]).includes(kind),
        ])
  })

  it.each([
    ['metadata.google.internal', 'private', 'cloud metadata service'],
    ['METADATA.google.internal.', 'private', 'cloud metadata service'],
    ['localhost', 'public', 'not on the Internet'],
    ['a.localhost.', 'public', 'not on the Internet'],
    ['10.0.0.1', 'host', 'set allow_private: true for this channel'],
  ] as const)('%s is refused with reach %s: %s', (name, reach, words) => {
    expect(refusal(name, reach)).toMatch(words)
  })

  it.each(['oapi.dingtalk.com', 'localhost', 'localhost.example.org'])('%s may be called from the file', (name) => {
    expect(refusal(name, 'host')).toBeNull()
  })
})

const answers = (answer: readonly { readonly address: string; readonly family: number }[]): Resolve =>
  ((_: string, __: unknown, callback: (error: null, addresses: unknown) => void) =>
    callback(null, answer)) as unknown as Resolve
const post = (url: string, reach: Reach, resolve?: Resolve): Promise<PostOutcome> =>
  openPost(testDeps().clock, resolve)({ url, headers: {}, body: 'x', timeoutMs: 1000, reach }, never)

describe('a URL', () => {
  it.each([
    { url: 'http://2852039166/', reach: 'private' },
    { url: 'http://0xa9.0xfe.0xa9.0xfe/', reach: 'private' },
    { url: 'http://0251.0376.0251.0376/', reach: 'private' },
    { url: 'http://169.254.43518/', reach: 'private' },
    { url: 'http://[::ffff:169.254.169.254]/', reach: 'private' },
    { url: 'http://１６９.254.169.254/', reach: 'private' },
    { url: 'http://167772161/', reach: 'host' },
    { url: 'http://012.0.0.1/', reach: 'host' },
    { url: 'http://0x7f.1/', reach: 'public' },
    { url: 'http://127.1/', reach: 'public' },
    { url: 'http://0/', reach: 'public' },
    { url: 'http://[::]/', reach: 'public' },
  ] as const)('$url is seen through with reach $reach', async ({ url, reach }) => {
    expect(await post(url, reach)).toMatchObject({ kind: 'refused' })
  })
})

describe('a name', () => {
  it.each([
    { address: '169.254.169.254', family: 4, reach: 'private' },
    { address: '10.1.2.3', family: 4, reach: 'host' },
    { address: 'fd12::1', family: 6, reach: 'host' },
    { address: '::ffff:10.1.2.3', family: 6, reach: 'host' },
    { address: '127.0.0.1', family: 4, reach: 'public' },
    { address: 'nonsense', family: 4, reach: 'private' },
  ] as const)('that looks harmless and resolves to $address is not connected to with reach $reach', async (one) => {
    const outcome = await post('http://hooks.example.org/', one.reach, answers([one]))
    expect(outcome).toMatchObject({ kind: 'refused' })
    expect('reason' in outcome && outcome.reason).toMatch('hooks.example.org resolves to it')
  })

  it('is refused when any of its addresses is', async () => {
    const both = answers([
      { address: '127.0.0.1', family: 4 },
      { address: 'fd00:ec2::254', family: 6 },
    ])
    expect(await post('http://hooks.example.org/', 'private', both)).toMatchObject({ kind: 'refused' })
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
    const rebinding = ((_: string, __: unknown, callback: (error: null, addresses: unknown) => void) => {
      asked++
      callback(null, [{ address: asked === 1 ? '127.0.0.1' : '169.254.169.254', family: 4 }])
    }) as unknown as Resolve
    const ask = () => post(`http://hooks.example.org:${port}/`, 'host', rebinding)
    expect(await ask()).toMatchObject({ kind: 'reply', status: 200, body: `hooks.example.org:${port}` })
    expect(asked).toBe(1)
    expect(await ask()).toMatchObject({ kind: 'refused' })
  })

  it('that is plain local is resolved as usual', async () => {
    const found = await new Promise((resolve) =>
      lookupGuard('host')('localhost', { family: 4 }, (error, address) => resolve([error, address])),
    )
    expect(found).toEqual([null, '127.0.0.1'])
  })
})

describe('a channel of the file', () => {
  const kinds = [
    ['dingtalk', 'url', '/robot/send?access_token=canary-token'],
    ['wecom', 'url', '/cgi-bin/webhook/send?key=canary-token'],
    ['feishu', 'url', '/open-apis/bot/v2/hook/canary-token'],
    ['slack', 'api_url', '/services/canary-token'],
    ['webhook', 'url', '/canary-token'],
  ] as const

  it.each(kinds)('of %s reaches a private address only when it says so, and metadata never', (kind, key, path) => {
    const file = (host: string, more = '') =>
      receiverFile(`    ${kind}_configs:\n      - ${key}: http://${host}${path}${more}`)
    expect(() => load(file('10.0.0.7'))).toThrow(
      `:6:9: receivers[0].${kind}_configs[0].${key}: refused: 10.0.0.7 is a private address: set allow_private: true`,
    )
    const allow = '\n        allow_private: true'
    expect(load(file('10.0.0.7', allow)).channels(testDeps())).toHaveLength(1)
    expect(load(file('127.0.0.1')).channels(testDeps())).toHaveLength(1)
    for (const host of ['169.254.169.254', '2852039166', '[::ffff:a9fe:a9fe]', 'metadata.google.internal'])
      expect(() => load(file(host, allow))).toThrow('cloud metadata service')
    try {
      load(file('10.0.0.7'))
    } catch (error) {
      expect(String(error)).not.toContain('canary')
    }
  })

  it('is not led elsewhere by a redirect', async () => {
    const [first, second] = [await openWebhookSink(), await openWebhookSink()]
    closing.push(first.close, second.close)
    first.mood({ kind: 'status', status: 307, headers: { location: second.url } })
    const [channel] = load(receiverFile(`    webhook_configs: [{ url: "${first.url}" }]`)).channels(testDeps())
    expect(await channel!.send(notification(), never)).toMatchObject({ ok: false, code: 'bad_reply', retryable: false })
    expect(second.requests()).toBe(0)
  })

  it('whose name turns to the own network later fails in words that say what to do', async () => {
    const { clock } = testDeps()
    const lines = '    webhook_configs: [{ url: "http://hooks.example.org/canary-path" }]'
    const poster = openPost(clock, answers([{ address: '192.168.3.4', family: 4 }]))
    const [channel] = load(receiverFile(lines)).channels({ clock, post: poster })
    const result = await channel!.send(notification(), never)
    expect(result).toMatchObject({ ok: false, code: 'unreachable', retryable: false })
    expect(result.reply).toContain('192.168.3.4 is a private address: set allow_private: true')
    expect(result.reply).not.toContain('canary')
  })
})
