// HTTP of acknowledgements and of who is on call: who may, what is answered, and what is refused.

import { afterEach, describe, expect, it } from 'vitest'
import { silentLog } from '../../../core/base/log.ts'
import { virtualClock } from '../../../core/base/virtual-clock.ts'
import type { Principal } from '../../../server/auth/authorize.ts'
import { openAcks } from '../../../server/dispatch/acks.ts'
import { onCallSchedule } from '../../../server/dispatch/oncall-config.ts'
import { ackApi } from '../../../server/http/ack-api.ts'
import { openHttp } from '../../../server/http/http.ts'
import { memoryAckTable } from '../dispatch/memory-acks.ts'
import { alertOf } from '../dispatch/story.ts'

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

const firing = '00000000000000aa'
const schedule = { name: 'gpu', time_zone: 'Asia/Shanghai', start: '2026-01-01', days: 1, receivers: ['li', 'wang'] }

async function stand() {
  const clock = virtualClock()
  const acks = openAcks({ clock, log: silentLog, table: memoryAckTable() })
  await acks.start()
  const http = openHttp({
    log: silentLog,
    listen: { host: '127.0.0.1', port: 0 },
    authenticate: async (request): Promise<Principal> => ({
      name: 'ada',
      role: (request.headers['x-role'] ?? 'viewer') as 'viewer',
      scope: '*',
    }),
    routers: [
      ackApi({
        now: () => clock.now(),
        acks: {
          set: (ack) => acks.set(ack, ack.fingerprint === firing ? alertOf(firing) : undefined),
          withdraw: acks.withdraw,
          list: acks.list,
        },
        schedules: [onCallSchedule.parse(schedule)],
      }),
    ],
    metrics: async () => ({ text: '', contentType: 'text/plain' }),
    ready: () => true,
    upgrade: () => {},
    span: (_name, work) => work(),
  })
  const { url } = await http.start()
  closers.push(
    () => acks.stop(),
    () => http.stop(),
  )
  const call = async (method: string, path: string, role = 'viewer', body?: unknown) => {
    const response = await fetch(`${url}/api/v1/${path}`, {
      method,
      headers: { 'x-role': role, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    // biome-ignore lint/suspicious/noExplicitAny: an answer is whatever the server says
    return { status: response.status, body: text === '' ? null : (JSON.parse(text) as any) }
  }
  return { clock, call }
}

describe('acknowledgements over HTTP', () => {
  it('are made by an operator, for an hour and in the own name unless said otherwise, and given back', async () => {
    const { clock, call } = await stand()
    const at = clock.now()
    const made = { fingerprint: firing, owner: 'ada', comment: '', at, expiresAt: at + 3_600_000 }
    expect(await call('POST', `acks/${firing}`, 'operator')).toEqual({ status: 200, body: made })
    expect(await call('GET', 'acks')).toEqual({ status: 200, body: [made] })
    const more = { owner: '李雷', comment: '换卡', for: '2h' }
    const again = { fingerprint: firing, owner: '李雷', comment: '换卡', at, expiresAt: at + 7_200_000 }
    expect((await call('POST', `acks/${firing}`, 'operator', more)).body).toEqual(again)
    expect(await call('DELETE', `acks/${firing}`, 'operator')).toEqual({ status: 204, body: null })
    expect((await call('GET', 'acks')).body).toEqual([])
    expect((await call('DELETE', `acks/${firing}`, 'operator')).status).toBe(404)
  })

  it.each([
    ['a viewer', firing, 'viewer', {}, 403],
    ['an alert that does not fire', '00000000000000bb', 'operator', {}, 404],
    ['no fingerprint', 'last', 'operator', {}, 400],
    ['no duration', firing, 'operator', { for: 'ever' }, 400],
    ['no time', firing, 'operator', { for: '0' }, 400],
    ['two months', firing, 'operator', { for: '60d' }, 400],
    ['an unknown key', firing, 'operator', { until: 1 }, 400],
  ])('are refused for %s', async (_what, fingerprint, role, body, status) => {
    const { call } = await stand()
    const answer = await call('POST', `acks/${fingerprint}`, role, body)
    expect(answer.status).toBe(status)
    expect(answer.body.error.message).toBeTruthy()
    expect((await call('GET', 'acks')).body).toEqual([])
  })

  it('tell who is on call, and who comes next', async () => {
    const { call } = await stand()
    expect((await call('GET', 'on-call')).body).toEqual([
      {
        name: 'gpu',
        timeZone: 'Asia/Shanghai',
        receiver: 'li',
        next: { at: Date.UTC(2026, 0, 2, 2), receiver: 'wang' },
      },
    ])
  })
})
