// How verbs talk to the server: one GET or POST, JSON in and out. Every failure becomes an error with the exit code of the table in
// docs/cli.md and the next thing to do.

import { readFileSync } from 'node:fs'
import { errorText, exitCodes, InferwardError, isInferwardError } from '../core/base/errors.ts'
import { redact } from '../core/base/redact.ts'

export type ClientOptions = { readonly server: string; readonly token: string | null; readonly timeoutMs: number }

export type Client = {
  get(path: string): Promise<unknown>
  text(path: string): Promise<string>
  post(path: string, body: unknown): Promise<unknown>
  delete(path: string): Promise<void>
  /** An answer of many lines of JSON, each told as it comes; may take as long as it does, but not be silent for longer than a minute. */
  postLines(path: string, body: unknown, line: (value: unknown) => void): Promise<void>
}

const maxTimeoutSeconds = 86_400

/** Flags, then environment, then the token file of a local data folder. */
export function clientOptions(
  flags: { readonly server?: string; readonly tokenFile?: string; readonly timeout?: string },
  environment: Readonly<Record<string, string | undefined>>,
): ClientOptions {
  const server = flags.server ?? environment.INFERWARD_SERVER ?? 'http://127.0.0.1:9700'
  // `localhost:9700` is a URL too, of a scheme named localhost.
  const url = URL.canParse(server) ? new URL(server) : null
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new InferwardError({
      code: 'cli.server_url',
      message: `not a URL: ${redact(server)}`,
      hint: 'Write --server http://host:9700',
      exitCode: exitCodes.usage,
    })
  }
  let token = environment.INFERWARD_TOKEN?.trim() || null
  if (flags.tokenFile !== undefined) {
    try {
      token = readFileSync(flags.tokenFile, 'utf8').trim()
    } catch (error) {
      throw new InferwardError({
        code: 'cli.token_file',
        message: `token file ${flags.tokenFile} cannot be read`,
        hint: 'The admin token lies at DATA/admin.token, readable by the user who started the server.',
        exitCode: exitCodes.usage,
        cause: error,
      })
    }
  }
  if (token !== null && !/^[\x21-\x7e]+$/.test(token)) {
    throw new InferwardError({
      code: 'cli.token',
      message: 'the token holds spaces or characters that no token has',
      hint: 'Give the token alone: the whole content of DATA/admin.token.',
      exitCode: exitCodes.usage,
    })
  }
  const seconds = Number(flags.timeout ?? 10)
  if (!(seconds > 0 && seconds <= maxTimeoutSeconds)) {
    throw new InferwardError({
      code: 'cli.timeout',
      message: `not a number of seconds: "${flags.timeout}"`,
      hint: 'Write --timeout 30',
      exitCode: exitCodes.usage,
    })
  }
  return {
    server: url.toString().replace(/\/$/, ''),
    token,
    timeoutMs: seconds * 1000,
  }
}

/** Between two pieces of an answer of many lines. */
const longestSilenceMs = 60_000

export function openClient(options: ClientOptions): Client {
  const unreachable = (error: unknown): InferwardError =>
    new InferwardError({
      code: 'cli.unreachable',
      message: `no answer from ${redact(options.server)}: ${redact(errorText(error))}`,
      hint: 'Is the server running? Start it with `inferward up --data DIR`, or name another with --server URL.',
      exitCode: exitCodes.unreachable,
      retryable: true,
      cause: error,
    })
  const headersOf = (init: RequestInit): Headers => {
    const headers = new Headers(init.headers)
    if (options.token !== null) headers.set('authorization', `Bearer ${options.token}`)
    return headers
  }
  /** The answer's status and whole body: a body that is cut, or comes too late, is no answer. */
  const call = async (path: string, init: RequestInit): Promise<string> => {
    const headers = headersOf(init)
    let response: Response
    let body: string
    try {
      response = await fetch(`${options.server}${path}`, {
        ...init,
        headers,
        signal: AbortSignal.timeout(options.timeoutMs),
      })
      body = await response.text()
    } catch (error) {
      throw unreachable(error)
    }
    if (response.ok) return body
    throw refusal(response.status, body, path)
  }
  const json = (body: string, path: string): unknown => {
    try {
      return JSON.parse(body)
    } catch (error) {
      throw new InferwardError({
        code: 'cli.bad_answer',
        message: `the answer for ${path} is not JSON`,
        hint: 'Is --server the address of an Inferward server, and not of a page in front of it?',
        cause: error,
      })
    }
  }
  return {
    get: async (path) => json(await call(path, { method: 'GET' }), path),
    delete: async (path) => void (await call(path, { method: 'DELETE' })),
    text: (path) => call(path, { method: 'GET' }),
    post: async (path, body) => {
      const headers = { 'content-type': 'application/json' }
      return json(await call(path, { method: 'POST', headers, body: JSON.stringify(body) }), path)
    },
    async postLines(path, body, line) {
      const headers = headersOf({ headers: { 'content-type': 'application/json' } })
      const silent = new AbortController()
      let timer: NodeJS.Timeout | undefined
      const heard = (): void => {
        clearTimeout(timer)
        timer = setTimeout(() => silent.abort(new Error('no more came')), longestSilenceMs)
      }
      try {
        heard()
        const init = { method: 'POST', headers, body: JSON.stringify(body), signal: silent.signal }
        const response = await fetch(`${options.server}${path}`, init)
        if (!response.ok) throw refusal(response.status, await response.text(), path)
        let rest = ''
        const decoder = new TextDecoder()
        for await (const piece of response.body ?? []) {
          heard()
          const parts = (rest + decoder.decode(piece, { stream: true })).split('\n')
          rest = parts.pop()!
          for (const part of parts) if (part !== '') line(json(part, path))
        }
        if (rest !== '') line(json(rest, path))
      } catch (error) {
        throw isInferwardError(error) ? error : unreachable(error)
      } finally {
        clearTimeout(timer)
      }
    },
  }
}

type Told = { readonly code?: string; readonly message?: string; readonly hint?: string }

/** What the server said of the fault; nothing of what is not of the right kind. */
function toldBy(body: string): Told {
  let error: unknown
  try {
    const said = JSON.parse(body) as string | { error?: unknown } | null
    // Alertmanager's API tells a fault as a text alone.
    error = typeof said === 'string' ? said : said?.error
  } catch {
    return {} // a page of something in between
  }
  if (typeof error === 'string') return { message: error }
  const given = (error ?? {}) as Readonly<Record<string, unknown>>
  const texts = (['code', 'message', 'hint'] as const).filter((key) => typeof given[key] === 'string')
  return Object.fromEntries(texts.map((key) => [key, given[key] as string]))
}

function refusal(status: number, body: string, path: string): InferwardError {
  const told = toldBy(body)
  const message = told.message ?? `HTTP ${status} for ${path}`
  const code = told.code ?? `http.${status}`
  if (status === 401 || status === 403) {
    const hint = told.hint ?? 'Give a token that may do this: --token-file DATA/admin.token, or INFERWARD_TOKEN.'
    return new InferwardError({ code, message, hint, exitCode: exitCodes.unauthorised })
  }
  const exitCode =
    status === 404
      ? exitCodes.notFound
      : status === 400
        ? exitCodes.usage
        : status >= 502
          ? exitCodes.unreachable
          : exitCodes.failed
  return new InferwardError({ code, message, exitCode, ...(told.hint === undefined ? {} : { hint: told.hint }) })
}
