// Remote write in, 1.0 and 2.0. Every sample that could be taken is taken; the answer says what was refused, and for 2.0 how much was written.
// A sender tries 5xx and 429 again and gives up on 4xx: what would be refused again is 400, what the store cannot take now is 503.

import express, { type Request, type Router } from 'express'
import { InferwardError } from '../../../core/base/errors.ts'
import { maxBodyBytes } from '../../../core/sample/remote-write.ts'
import type { Principal } from '../../auth/authorize.ts'
import { origin, originHeader } from '../../remote/origin.ts'
import type { StoreClient } from '../../tsdb/store-client.ts'
import { demand } from '../fleet-api.ts'

const messages: Readonly<Record<string, 'write' | 'write2'>> = {
  'prometheus.WriteRequest': 'write',
  'io.prometheus.write.v2.Request': 'write2',
}

export function writeApi(deps: { readonly store: StoreClient }): Router {
  const api = express.Router()
  api.post(
    '/api/v1/write',
    (request, response, next) => {
      demand(response.locals.principal as Principal, 'write_samples', null)
      response.locals.message = messageOf(request)
      if (request.headers[originHeader] === origin) throw toItself()
      // Senders name the encoding, as they must; express would refuse it as one that it cannot unpack.
      delete request.headers['content-encoding']
      next()
    },
    express.raw({ type: () => true, limit: maxBodyBytes, inflate: false }),
    async (request, response) => {
      if (!Buffer.isBuffer(request.body))
        throw new InferwardError({ code: 'remote_write.invalid', message: 'a snappy body is needed' })
      const kind = response.locals.message as 'write' | 'write2'
      const written = (samples: number): void => {
        // By these a sender knows that its 2.0 was understood. No histogram and no exemplar is ever kept.
        if (kind !== 'write2') return
        response.set({
          'x-prometheus-remote-write-samples-written': String(samples),
          'x-prometheus-remote-write-histograms-written': '0',
          'x-prometheus-remote-write-exemplars-written': '0',
        })
      }
      written(0)
      const report = await deps.store.append(request.body, kind)
      written(report.samples)
      const refused = Object.entries(report.refused).map(([reason, count]) => `${count} ${reason}`)
      if (refused.length === 0) return void response.status(204).end()
      const first = report.fault === undefined ? '' : `${report.fault}; `
      response
        .status(400)
        .type('text')
        .send(`${first}refused: ${refused.join(', ')}\n`)
    },
  )
  return api
}

/** Which message the body is, by its headers; absent ones mean 1.0 in snappy. */
function messageOf(request: Request): 'write' | 'write2' {
  const encoding = request.headers['content-encoding']?.trim().toLowerCase() ?? 'snappy'
  if (encoding !== 'snappy') throw unsupported(`content-encoding ${JSON.stringify(encoding.slice(0, 100))}`, 'snappy')
  const [type = '', ...parameters] = (request.headers['content-type'] ?? '').split(';').map((part) => part.trim())
  if (type === '') return 'write'
  const proto = parameters.flatMap((part) => /^proto\s*=\s*"?([^"]*)"?$/i.exec(part)?.[1] ?? [])[0]
  const message = type.toLowerCase() !== 'application/x-protobuf' ? undefined : (proto ?? 'prometheus.WriteRequest')
  if (message !== undefined && Object.hasOwn(messages, message)) return messages[message]!
  throw unsupported(
    `content-type ${JSON.stringify((request.headers['content-type'] ?? '').slice(0, 200))}`,
    `application/x-protobuf, alone or with ;proto=${Object.keys(messages).join(' or ;proto=')}`,
  )
}

/** A fault that is not tried again: else what is sent would come back for ever. */
function toItself(): Error {
  const error = new InferwardError({
    code: 'remote_write.to_itself',
    message: 'these samples were sent by this very server',
    hint: 'Take its own address out of remote_write.',
  })
  return Object.assign(error, { status: 400 })
}

function unsupported(what: string, wanted: string): Error {
  const error = new InferwardError({
    code: 'remote_write.unsupported',
    message: `remote write with ${what}`,
    hint: `Send ${wanted}.`,
  })
  return Object.assign(error, { status: 415 })
}
