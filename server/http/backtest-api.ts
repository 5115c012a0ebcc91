// HTTP of backtests: rule files and a stretch of time in, lines of JSON out: how far it is, and at the end the result or the fault. Whoever hangs up ends it.

import express, { type Router } from 'express'
import { z } from 'zod'
import { errorText, InferwardError, isInferwardError } from '../../core/base/errors.ts'
import { parseExpression } from '../../core/promql/expression.ts'
import type { BacktestResult } from '../../core/rules/backtest/source.ts'
import { parseRuleFile } from '../../core/rules/rule-file.ts'
import type { Principal } from '../auth/authorize.ts'
import { check, demand } from './fleet-api.ts'

const body = z
  .object({
    files: z
      .array(z.object({ file: z.string().min(1).max(1000), text: z.string().max(4 << 20) }).strict())
      .min(1)
      .max(100),
    /** Seconds since 1970. */
    from: z.number().min(0).max(1e11),
    to: z.number().min(0).max(1e11),
  })
  .strict()
/** Lines of progress come at most so often. */
const tellEveryMs = 200

export type BacktestApiDeps = {
  readonly now: () => number
  readonly retentionMs: number
  readonly run: (
    request: {
      readonly files: readonly { readonly file: string; readonly text: string }[]
      readonly from: number
      readonly to: number
    },
    progress: (part: number) => void,
    signal: AbortSignal,
  ) => Promise<BacktestResult>
}

export function backtestApi(deps: BacktestApiDeps): Router {
  const api = express.Router()
  api.post('/api/v1/rules/backtest', express.json({ limit: '8mb' }), async (request, response) => {
    demand(response.locals.principal as Principal, 'read', null)
    const given = check(body, request.body)
    const to = Math.min(given.to * 1000, deps.now())
    const from = Math.max(given.from * 1000, to - deps.retentionMs)
    if (from > to) {
      throw new InferwardError({
        code: 'backtest.invalid',
        message: 'the time ends before it begins, or lies in the future',
        hint: 'Give `from` and `to` in seconds since 1970.',
      })
    }
    // Read here as well, so that a file that is none is a refusal and not the last line of an answer.
    for (const { file, text } of given.files) parseRuleFile(file, text, parseExpression)
    const gone = new AbortController()
    response.on('close', () => gone.abort())
    let toldAt = Number.NEGATIVE_INFINITY
    const line = (value: unknown): void => {
      if (!response.headersSent) response.type('application/x-ndjson').set('cache-control', 'no-store')
      response.write(`${JSON.stringify(value)}\n`)
    }
    try {
      const result = await deps.run(
        { files: given.files, from, to },
        (progress) => {
          if (deps.now() - toldAt < tellEveryMs) return
          toldAt = deps.now()
          line({ progress })
        },
        gone.signal,
      )
      line({ result })
    } catch (error) {
      if (!response.headersSent) throw error
      const known = isInferwardError(error) ? error : null
      line({ error: { code: known?.code ?? 'backtest.failed', message: errorText(error), hint: known?.hint } })
    }
    response.end()
  })
  return api
}
