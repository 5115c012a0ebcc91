// HTTP of the store as far as it stands: remote write in, and the newest samples of a metric out. The query language comes with the store's
// own milestone; until then its paths answer 501 by name instead of nothing.

import express, { type Router } from 'express'
import { z } from 'zod'
import { InferwardError } from '../../core/base/errors.ts'
import { maxBodyBytes } from '../../core/sample/remote-write.ts'
import type { Principal } from '../auth/authorize.ts'
import type { StoreClient } from '../tsdb/store-client.ts'
import { check, demand } from './fleet-api.ts'

const latestQuery = z.object({
  metric: z.string().min(1).max(300),
  host: z.string().max(200).optional(),
  engine: z.string().max(200).optional(),
})
const lookbackMs = 5 * 60_000

export function samplesApi(deps: { readonly now: () => number; readonly store: StoreClient }): Router {
  const api = express.Router()
  api.get('/api/v1/latest', async (request, response) => {
    const { metric, ...labels } = check(latestQuery, request.query)
    const matchers = [
      { name: '__name__', op: '=' as const, value: metric },
      ...Object.entries(labels).flatMap(([name, value]) =>
        value === undefined ? [] : [{ name, op: '=' as const, value }],
      ),
    ]
    const rows = await deps.store.latest(matchers, deps.now(), lookbackMs)
    response.json(rows.map((row) => ({ metric: Object.fromEntries(row.labels), time: row.time, value: row.value })))
  })
  api.post(
    '/api/v1/write',
    (_request, response, next) => {
      demand(response.locals.principal as Principal, 'write_samples', null)
      next()
    },
    express.raw({ type: () => true, limit: maxBodyBytes, inflate: false }),
    async (request, response) => {
      if (!Buffer.isBuffer(request.body))
        throw new InferwardError({ code: 'remote_write.invalid', message: 'a snappy body is needed' })
      const report = await deps.store.append(new Uint8Array(request.body).buffer)
      const refused = Object.entries(report.refused).map(([reason, count]) => `${count} ${reason}`)
      if (refused.length > 0)
        return void response
          .status(400)
          .type('text')
          .send(`refused: ${refused.join(', ')}\n`)
      response.status(204).end()
    },
  )
  for (const path of ['/api/v1/query', '/api/v1/query_range', '/api/v1/rules', '/api/v1/alerts', '/api/v1/incidents']) {
    api.all(path, (_request, response) => {
      response
        .status(501)
        .json({ status: 'error', errorType: 'not_implemented', error: `${path} is not part of this version` })
    })
  }
  return api
}
