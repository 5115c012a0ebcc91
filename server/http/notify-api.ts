// HTTP of the channels: a real test message through a receiver, and where an alert with given labels would go.

import express, { type Router } from 'express'
import { z } from 'zod'
import type { Principal } from '../auth/authorize.ts'
import type { TestResult } from '../notify/test-message.ts'
import { type ExplainDeps, explainApi } from './explain-api.ts'
import { check, demand } from './fleet-api.ts'

const testBody = z.object({ receiver: z.string().min(1).max(200) }).strict()
const explainBody = z.object({ labels: z.record(z.string().max(200), z.string().max(4000)) }).strict()
/** Longest a test may take: several channels, each with its own limit. */
const testMs = 60_000

export function notifyApi(
  deps: ExplainDeps & {
    readonly testReceiver: (receiver: string, signal: AbortSignal) => Promise<readonly TestResult[]>
    readonly explain: (labels: Readonly<Record<string, string>>) => unknown
  },
): Router {
  const api = express.Router()
  api.use(explainApi(deps))
  const json = express.json({ limit: '64kb' })
  api.post('/api/v1/notify/test', json, async (request, response) => {
    demand(response.locals.principal as Principal, 'test_channel', null)
    const { receiver } = check(testBody, request.body)
    response.json(await deps.testReceiver(receiver, AbortSignal.timeout(testMs)))
  })
  api.post('/api/v1/routes/explain', json, (request, response) => {
    demand(response.locals.principal as Principal, 'read', null)
    response.json(deps.explain(check(explainBody, request.body).labels))
  })
  return api
}
