// HTTP of the fleet: who may ask for what, what a command leaves behind, and every bad request as one.

import { afterEach, describe, expect, it } from 'vitest'
import { silentLog } from '../../../core/base/log.ts'
import { type Event, eventId } from '../../../core/event/event.ts'
import type { Principal } from '../../../server/auth/authorize.ts'
import { openEventStore } from '../../../server/db/event-store.ts'
import { openLedger } from '../../../server/db/ledger.ts'
import { openRegistry } from '../../../server/fleet/registry.ts'
import { fleetApi } from '../../../server/http/fleet-api.ts'
import { openHttp } from '../../../server/http/http.ts'
import { testDatabase } from '../../helpers/database.ts'

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})
const engine = {
  name: 'default',
  incarnation: '1:2',
  pid: 1,
  phase: 'serving',
  verdict: 'idle',
  make: 'inferward',
  model: 'm',
  url: 'http://127.0.0.1:9720',
  since: 0,
  budgetLeft: 3,
} as const

async function stand() {
  const database = await testDatabase()
  closers.push(async () => database[Symbol.asyncDispose]())
  const registry = openRegistry(0, { hosts: 10, engines: 10 })
  registry.report({ host: 'h1', bootId: 'b', version: '1', startedAt: 0, engines: [engine] }, 1000)
  const ledger = openLedger(database.db)
  const events = openEventStore(database.db, () => 1000)
  const issued: string[] = []
  let count = 0
  const api = fleetApi({
    now: () => 1000,
    newId: () => `command-${++count}`,
    registry,
    ledger,
    events,
    onIssued: async (id) => void issued.push(id),
  })
  const http = openHttp({
    log: silentLog,
    listen: { host: '127.0.0.1', port: 0 },
    authenticate: async (request): Promise<Principal> => ({
      name: 'p',
      role: (request.headers['x-role'] ?? 'viewer') as 'viewer',
      scope: '*',
    }),
    routers: [api],
    metrics: async () => ({ text: '', contentType: 'text/plain' }),
    ready: () => true,
    upgrade: () => {},
    span: (_name, work) => work(),
  })
  const { url } = await http.start()
  closers.push(() => http.stop())
  // biome-ignore lint/suspicious/noExplicitAny: an answer is whatever the server says
  const call = async (path: string, role = 'viewer', post?: unknown): Promise<{ status: number; body: any }> => {
    const response = await fetch(url + path, {
      headers: { 'x-role': role, ...(post === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(post === undefined ? {} : { method: 'POST', body: typeof post === 'string' ? post : JSON.stringify(post) }),
    })
    return { status: response.status, body: await response.json() }
  }
  return { call, ledger, events, issued }
}
const change = (at: number, n: number): Event => ({
  id: eventId(at, (bytes) => bytes.fill(n)),
  at,
  kind: 'change',
  host: 'h1',
  engine: null,
  incarnation: null,
  subject: 'agent',
  principal: 'p',
  detail: `${n}`,
})

describe('the fleet', () => {
  it('shows engines to a viewer', async () => {
    const { call } = await stand()
    expect((await call('/api/v1/engines')).body).toEqual([{ ...engine, host: 'h1', contact: 'connected' }])
  })

  it.each([
    'engines',
    'commands',
    'commands/command-1',
    'events',
  ])('keeps %s from an agent: it may connect and send, not read', async (path) => {
    const { call } = await stand()
    const { status, body } = await call(`/api/v1/${path}`, 'agent')
    expect([status, body.error.code]).toEqual([403, 'auth.forbidden'])
  })
})

describe('an action', () => {
  const restart = '/api/v1/engines/h1/default/restart'
  it('of an operator leaves a command for the life that is seen, and is told on', async () => {
    const { call, issued } = await stand()
    const { status, body } = await call(restart, 'operator', { reason: 'slow' })
    expect(status).toBe(202)
    expect(body).toMatchObject({
      id: 'command-1',
      incarnation: '1:2',
      action: 'restart',
      principal: 'p',
      reason: 'slow',
      fence: 1,
      state: 'issued',
      expiresAt: 61_000,
    })
    expect(issued).toEqual(['command-1'])
    expect((await call('/api/v1/commands')).body).toHaveLength(1)
    expect((await call('/api/v1/commands/command-1')).body).toMatchObject({ state: 'issued', reason: 'slow' })
  })

  it('while another is under way is 409, and nothing is told on', async () => {
    const { call, issued } = await stand()
    await call(restart, 'operator', { reason: 'one' })
    const { status, body } = await call(restart, 'admin', { reason: 'two' })
    expect([status, body.error.code]).toEqual([409, 'fleet.conflict'])
    expect(issued).toEqual(['command-1'])
  })

  it.each(['viewer', 'agent', 'nobody'])('of a %s is 403 and leaves nothing', async (role) => {
    const { call, ledger } = await stand()
    expect((await call(restart, role, { reason: 'x' })).status).toBe(403)
    expect(await ledger.list(10)).toEqual([])
  })

  it.each([
    ['an action nobody knows', '/api/v1/engines/h1/default/reboot', { reason: 'x' }, 400],
    ['no reason', restart, {}, 400],
    ['an empty reason', restart, { reason: '' }, 400],
    ['a reason of 1001 characters', restart, { reason: 'x'.repeat(1001) }, 400],
    ['a reason that is no text', restart, { reason: 5 }, 400],
    ['a reason with a NUL', restart, { reason: 'a\0b' }, 400],
    ['a field too many', restart, { reason: 'x', force: true }, 400],
    ['a list', restart, [], 400],
    ['no JSON', restart, '{', 400],
    ['20 KiB', restart, { reason: 'x'.repeat(20_000) }, 413],
    ['a host nobody knows', '/api/v1/engines/h2/default/restart', { reason: 'x' }, 404],
    ['an engine nobody knows', '/api/v1/engines/h1/other/restart', { reason: 'x' }, 404],
    ['an engine with a NUL', '/api/v1/engines/h1/%00/restart', { reason: 'x' }, 404],
    ['__proto__ as a host', '/api/v1/engines/__proto__/default/restart', { reason: 'x' }, 404],
  ])('with %s leaves nothing', async (_name, path, body, status) => {
    const { call, ledger } = await stand()
    expect((await call(path, 'operator', body)).status).toBe(status)
    expect(await ledger.list(10)).toEqual([])
  })
})

describe('events', () => {
  it('are read by cursor, by kind and time, in either order', async () => {
    const { call, events } = await stand()
    await events.append([1, 2, 3, 4].map((n) => change(n * 1000, n)))
    const details = async (query: string) =>
      (await call(`/api/v1/events?${query}`)).body.map((row: { detail: string }) => row.detail).join()
    expect(await details('')).toBe('1,2,3,4')
    expect(await details('order=desc&limit=2')).toBe('4,3')
    expect(await details('after=2&limit=1')).toBe('3')
    expect(await details('from=2000&to=3000')).toBe('2,3')
    expect(await details('kind=change&host=h1')).toBe('1,2,3,4')
    expect(await details('kind=fault')).toBe('')
    expect(await details('engine=default')).toBe('')
  })

  it.each([
    'limit=0',
    'limit=10001',
    'limit=x',
    'limit=1.5',
    'after=-1',
    'kind=rumour',
    'order=up',
    'from=soon',
    'from=1e400',
    'host=a%00b',
    'engine=%00',
    `host=${'x'.repeat(201)}`,
    'host=a&host=b',
    'after=9223372036854775808',
  ])('asked for by %s are 400 with the name of the field', async (query) => {
    const { call } = await stand()
    const { status, body } = await call(`/api/v1/events?${query}`)
    expect([status, body.error.code]).toEqual([400, 'http.invalid'])
  })

  it.each([
    ['nobody', 404],
    ['%00', 400],
    ['x'.repeat(201), 400],
    ["';drop table commands;--", 404],
  ])('and commands: %s', async (id, status) => {
    const { call } = await stand()
    expect((await call(`/api/v1/commands/${id}`)).status).toBe(status)
    expect((await call('/api/v1/commands')).status).toBe(200)
  })
})
