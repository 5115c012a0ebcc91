// Remote write in. Every sample that could be taken is taken; what was refused is named in the answer.

import express, { type Router } from 'express'
import { InferwardError } from '../../../core/base/errors.ts'
import { maxBodyBytes } from '../../../core/sample/remote-write.ts'
import type { Principal } from '../../auth/authorize.ts'
import type { StoreClient } from '../../tsdb/store-client.ts'
import { demand } from '../fleet-api.ts'

export function writeApi(deps: { readonly store: StoreClient }): Router {
  const api = express.Router()
  api.post(
    '/api/v1/write',
    (request, response, next) => {
      demand(response.locals.principal as Principal, 'write_samples', null)
      // Senders name the encoding, as they must; express would refuse it as one that it cannot unpack.
      if (request.headers['content-encoding']?.toLowerCase() === 'snappy') delete request.headers['content-encoding']
      next()
    },
    express.raw({ type: () => true, limit: maxBodyBytes, inflate: false }),
    async (request, response) => {
      if (!Buffer.isBuffer(request.body))
        throw new InferwardError({ code: 'remote_write.invalid', message: 'a snappy body is needed' })
      const report = await deps.store.append(new Uint8Array(request.body).buffer)
      const refused = Object.entries(report.refused).map(([reason, count]) => `${count} ${reason}`)
      if (refused.length === 0) return void response.status(204).end()
      response
        .status(400)
        .type('text')
        .send(`refused: ${refused.join(', ')}\n`)
    },
  )
  return api
}
