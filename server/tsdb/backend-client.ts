// HTTP to another server of the Prometheus API. Every request has a deadline and every answer a bound; a fault says which backend, what it
// said and what to do, and carries no secret. Redirects are not followed: the token is for this address alone.

import { errorText, InferwardError } from '../../core/base/errors.ts'
import type { Secret } from '../../core/base/redact.ts'

/** Larger answers are refused: they would be parsed in one piece on the thread that serves everybody. */
const maxAnswerBytes = 64 << 20

export type BackendAuth =
  | { readonly kind: 'none' }
  | { readonly kind: 'bearer'; readonly token: Secret }
  | { readonly kind: 'basic'; readonly username: string; readonly password: Secret }

export type BackendClientDeps = {
  readonly url: string
  readonly writeUrl: string
  readonly auth: BackendAuth
  readonly headers: Readonly<Record<string, string>>
  /** Global `fetch`; another in tests of faults. */
  readonly fetch?: typeof fetch
}
export type BackendAnswer = {
  readonly data: unknown
  readonly warnings: readonly string[]
  readonly infos: readonly string[]
}
export type Pairs = readonly (readonly [name: string, value: string])[]

export type BackendClient = {
  /** `path` below `/api/v1/`. Throws what queries throw, and `backend.*`. */
  ask(path: string, pairs: Pairs, timeoutMs: number, method?: 'GET' | 'POST'): Promise<BackendAnswer>
  /** Null when the backend took everything, else its words about what it refused. */
  write(body: Uint8Array<ArrayBuffer>, timeoutMs: number): Promise<string | null>
}

export function openBackendClient(deps: BackendClientDeps): BackendClient {
  const send = deps.fetch ?? fetch
  const headers: Record<string, string> = { 'user-agent': 'inferward', ...deps.headers, ...authHeader(deps.auth) }

  const request = async (url: string, init: RequestInit, timeoutMs: number): Promise<Response> => {
    try {
      return await send(url, {
        ...init,
        redirect: 'manual',
        signal: AbortSignal.timeout(Math.max(1, Math.ceil(timeoutMs))),
      })
    } catch (error) {
      throw lost(url, error)
    }
  }

  return {
    async ask(path, pairs, timeoutMs, method = 'POST') {
      const form = new URLSearchParams(pairs.map(([name, value]): [string, string] => [name, value])).toString()
      const url = `${deps.url}/api/v1/${path}`
      const response =
        method === 'GET'
          ? await request(form === '' ? url : `${url}?${form}`, { headers }, timeoutMs)
          : await request(
              url,
              { method, body: form, headers: { ...headers, 'content-type': 'application/x-www-form-urlencoded' } },
              timeoutMs,
            )
      return answerOf(url, response)
    },
    async write(body, timeoutMs) {
      const response = await request(
        deps.writeUrl,
        {
          method: 'POST',
          body,
          headers: {
            ...headers,
            'content-type': 'application/x-protobuf',
            'content-encoding': 'snappy',
            'x-prometheus-remote-write-version': '0.1.0',
          },
        },
        timeoutMs,
      )
      const words = (await textOf(deps.writeUrl, response, 64 << 10)).trim().slice(0, 500)
      if (response.ok) return null
      if (response.status === 400) return words === '' ? 'no reason given' : words
      throw refused(deps.writeUrl, response.status, words)
    },
  }
}

function authHeader(auth: BackendAuth): Record<string, string> {
  if (auth.kind === 'none') return {}
  if (auth.kind === 'bearer') return { authorization: `Bearer ${auth.token.reveal()}` }
  const pair = Buffer.from(`${auth.username}:${auth.password.reveal()}`).toString('base64')
  return { authorization: `Basic ${pair}` }
}

async function answerOf(url: string, response: Response): Promise<BackendAnswer> {
  const text = await textOf(url, response, maxAnswerBytes)
  let body: {
    status?: unknown
    data?: unknown
    error?: unknown
    errorType?: unknown
    warnings?: unknown
    infos?: unknown
  }
  try {
    body = Object(JSON.parse(text))
  } catch {
    throw refused(url, response.status, text.slice(0, 200))
  }
  if (response.ok && body.status === 'success') {
    return { data: body.data, warnings: wordList(body.warnings), infos: wordList(body.infos) }
  }
  const words = typeof body.error === 'string' ? body.error : ''
  const code = codes[String(body.errorType)]
  if (code === undefined) throw refused(url, response.status, words)
  throw new InferwardError({ code, message: words.replace(/^invalid parameter "query": /, '') })
}

/** Faults of the query keep their kind; everything else is a fault of the backend. */
const codes: Readonly<Record<string, string>> = {
  bad_data: 'promql.parse',
  execution: 'promql.execution',
  timeout: 'promql.timeout',
  canceled: 'promql.timeout',
  // VictoriaMetrics names statuses.
  400: 'promql.parse',
  422: 'promql.execution',
}

const wordList = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string').slice(0, 100) : []

async function textOf(url: string, response: Response, limit: number): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  let bytes = 0
  try {
    for await (const part of response.body ?? []) {
      bytes += part.length
      if (bytes > limit) {
        throw new InferwardError({
          code: 'backend.answer_size',
          message: `${url} answered more than ${limit} bytes`,
          hint: 'Ask for fewer series or a shorter range.',
        })
      }
      text += decoder.decode(part, { stream: true })
    }
  } catch (error) {
    throw error instanceof InferwardError ? error : lost(url, error)
  }
  return text + decoder.decode()
}

function lost(url: string, error: unknown): InferwardError {
  if (error instanceof Error && error.name === 'TimeoutError') {
    return new InferwardError({ code: 'promql.timeout', message: `${url} did not answer in time`, retryable: true })
  }
  return new InferwardError({
    code: 'backend.unreachable',
    message: `${url} cannot be reached (${errorText(error)})`,
    retryable: true,
    hint: 'Check `backend.url` in the configuration, and that the backend runs.',
  })
}

function refused(url: string, status: number, words: string): InferwardError {
  const denied = status === 401 || status === 403
  const hint = denied
    ? 'Check `backend.token_file`, or `backend.username` and `backend.password_file`.'
    : status === 404
      ? 'Check `backend.url` and `backend.write_url`; Prometheus takes samples only with --web.enable-remote-write-receiver.'
      : undefined
  return new InferwardError({
    code: denied ? 'backend.denied' : 'backend.refused',
    message: `${url} answered ${status}${words === '' ? '' : `: ${words}`}`,
    // Whoever sends samples keeps them until somebody has put it right.
    retryable: true,
    ...(hint === undefined ? {} : { hint }),
  })
}
