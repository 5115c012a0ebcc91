// HTTP of a change of rule files: who may ask for it, and what a fault looks like.

import { afterEach, describe, expect, it } from 'vitest'
import { InferwardError } from '../../../core/base/errors.ts'
import { silentLog } from '../../../core/base/log.ts'
import { openHttp } from '../../../server/http/http.ts'
import { reloadApi } from '../../../server/http/reload-api.ts'

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

async function stand(role: 'admin' | 'operator', reload: () => Promise<void>) {
  const http = openHttp({
    log: silentLog,
    listen: { host: '127.0.0.1', port: 0 },
    authenticate: async () => ({ name: 'ada', role, scope: '*' }),
    routers: [reloadApi({ reload })],
    metrics: async () => ({ text: '', contentType: 'text/plain' }),
    ready: () => true,
    upgrade: () => {},
    span: (_name, work) => work(),
  })
  const { url } = await http.start()
  closers.push(() => http.stop())
  return (method: string) => fetch(`${url}/-/reload`, { method })
}

describe('/-/reload', () => {
  it('has the rule files read again', async () => {
    let count = 0
    const ask = await stand('admin', async () => void count++)
    expect([(await ask('POST')).status, (await ask('PUT')).status, (await ask('GET')).status]).toEqual([200, 200, 404])
    expect(count).toBe(2)
  })

  it('is for administrators', async () => {
    const ask = await stand('operator', async () => expect.unreachable())
    expect((await ask('POST')).status).toBe(403)
  })

  it('answers with what is wrong', async () => {
    const ask = await stand('admin', async () => {
      throw new InferwardError({ code: 'rules.invalid', message: 'r.yml:1:1: no' })
    })
    const answer = await ask('POST')
    expect([answer.status, await answer.json()]).toEqual([
      400,
      { error: { code: 'rules.invalid', message: 'r.yml:1:1: no' } },
    ])
  })
})
