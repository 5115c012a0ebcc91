// HTTP of the objectives: what is left of every error budget. Reading only.

import express, { type Router } from 'express'
import type { Principal } from '../auth/authorize.ts'
import type { Slo } from '../slo/config.ts'
import { sloReport } from '../slo/report.ts'
import type { StoreClient } from '../tsdb/store-client.ts'
import { demand } from './fleet-api.ts'

export function sloApi(deps: {
  readonly slos: readonly Slo[]
  readonly store: Pick<StoreClient, 'query'>
  readonly timeoutMs: number
  readonly now: () => number
}): Router {
  const ask = async (query: string, time: number) => {
    const result = await deps.store.query({ query, time, timeoutMs: deps.timeoutMs, lookbackMs: null })
    if (result.type !== 'vector') throw new Error(`${query} gave a ${result.type}`)
    return result.samples.map(({ labels, value }) => ({ labels: Object.fromEntries(labels), value }))
  }
  const api = express.Router()
  api.get('/api/v1/slos', async (_request, response) => {
    demand(response.locals.principal as Principal, 'read', null)
    response.json(await sloReport(deps.slos, ask, deps.now()))
  })
  return api
}
