// How verbs talk to the server: one GET or POST, JSON in and out. Every failure becomes an error with the exit code of the table in
// docs/cli.md and the next thing to do.

import { readFileSync } from 'node:fs'
import { errorText, exitCodes, InferwardError } from '../core/base/errors.ts'
import { redact } from '../core/base/redact.ts'

export type ClientOptions = { readonly server: string; readonly token: string | null; readonly timeoutMs: number }

export type Client = {
  get(path: string): Promise<unknown>
  text(path: string): Promise<string>
  post(path: string, body: unknown): Promise<unknown>
}

/** Flags, then environment, then the token file of a local data folder. */
export function clientOptions(
  flags: { readonly server?: string; readonly tokenFile?: string; readonly timeout?: string },
  environment: Readonly<Record<string, string | undefined>>,
): ClientOptions {
  const server = flags.server ?? environment.INFERWARD_SERVER ?? 'http://127.0.0.1:9700'
  let url: URL
  try {
    url = new URL(server)
  } catch (error) {
    throw new InferwardError({
      code: 'cli.server_url',
      message: `not a URL: ${redact(server)}`,
      hint: 'Write --server http://host:9700',
      exitCode: exitCodes.usage,
      cause: error,
    })
  }
  let token = environment.INFERWARD_TOKEN ?? null
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
  const seconds = Number(flags.timeout ?? 10)
  return {
    server: url.toString().replace(/\/$/, ''),
    token,
    timeoutMs: Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : 10_000,
  }
}

export function openClient(options: ClientOptions): Client {
  const call = async (path: string, init: RequestInit): Promise<Response> => {
    const headers = new Headers(init.headers)
    if (options.token !== null) headers.set('authorization', `Bearer ${options.token}`)
    let response: Response
    try {
      response = await fetch(`${options.server}${path}`, {
        ...init,
        headers,
        signal: AbortSignal.timeout(options.timeoutMs),
      })
    } catch (error) {
      throw new InferwardError({
        code: 'cli.unreachable',
        message: `no answer from ${options.server}: ${errorText(error)}`,
        hint: 'Is the server running? Start it with `inferward up --data DIR`, or name another with --server URL.',
        exitCode: exitCodes.unreachable,
        retryable: true,
        cause: error,
      })
    }
    if (response.ok) return response
    throw await refusal(response, path)
  }
  return {
    get: async (path) => (await call(path, { method: 'GET' })).json(),
    text: async (path) => (await call(path, { method: 'GET' })).text(),
    post: async (path, body) =>
      (
        await call(path, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(body),
        })
      ).json(),
  }
}

async function refusal(response: Response, path: string): Promise<InferwardError> {
  const body = (await response.json().catch(() => ({}))) as {
    error?: { code?: string; message?: string; hint?: string } | string
  }
  const told: { code?: string; message?: string; hint?: string } =
    typeof body.error === 'object' ? body.error : body.error === undefined ? {} : { message: body.error }
  const message = told.message ?? `HTTP ${response.status} for ${path}`
  const code = told.code ?? `http.${response.status}`
  if (response.status === 401 || response.status === 403) {
    const hint = told.hint ?? 'Give a token that may do this: --token-file DATA/admin.token, or INFERWARD_TOKEN.'
    return new InferwardError({ code, message, hint, exitCode: exitCodes.unauthorised })
  }
  const exitCode =
    response.status === 404
      ? exitCodes.notFound
      : response.status === 400
        ? exitCodes.usage
        : response.status >= 502
          ? exitCodes.unreachable
          : exitCodes.failed
  return new InferwardError({ code, message, exitCode, ...(told.hint === undefined ? {} : { hint: told.hint }) })
}
