// The backend store from its configuration: secrets come from files, read once at the start. A file that cannot be read stops the start.

import { readFileSync } from 'node:fs'
import * as path from 'node:path'
import type { Clock } from '../../core/base/clock.ts'
import { errorText, exitCodes, InferwardError, systemCode } from '../../core/base/errors.ts'
import type { Log } from '../../core/base/log.ts'
import { type Secret, secret } from '../../core/base/redact.ts'
import { type BackendAuth, openBackendClient } from './backend-client.ts'
import type { BackendConfig } from './backend-config.ts'
import { backendStore } from './backend-store.ts'
import type { LocalStore } from './local-store.ts'

export function openBackend(options: {
  readonly clock: Clock
  readonly log: Log
  readonly backend: BackendConfig
  /** Folder that file names of the configuration are relative to. */
  readonly directory: string
  readonly externalLabels: Readonly<Record<string, string>>
  readonly defaultIntervalMs: number
  readonly rulesReady: () => boolean
}): LocalStore {
  const { backend, directory, ...deps } = options
  return backendStore({
    ...deps,
    readOnly: backend.read_only,
    client: openBackendClient({
      url: backend.url,
      writeUrl: backend.write_url ?? `${backend.url}/api/v1/write`,
      headers: backend.headers,
      auth: authOf(backend, directory),
    }),
  })
}

function authOf(backend: BackendConfig, directory: string): BackendAuth {
  if (backend.token_file !== undefined)
    return { kind: 'bearer', token: readSecret('token_file', backend.token_file, directory) }
  if (backend.username === undefined || backend.password_file === undefined) return { kind: 'none' }
  const password = readSecret('password_file', backend.password_file, directory)
  return { kind: 'basic', username: backend.username, password }
}

function readSecret(key: string, name: string, directory: string): Secret {
  const file = path.resolve(directory, name)
  let text = ''
  let cause: unknown
  try {
    text = readFileSync(file, 'utf8').trim()
  } catch (error) {
    cause = error
  }
  // What cannot stand in a header is no token, and would be shown in the error that says so.
  if (/^[\x21-\x7e][\x20-\x7e]{0,8191}$/.test(text)) return secret(text)
  const why = cause === undefined ? 'holds no single line of plain text' : (systemCode(cause) ?? errorText(cause))
  throw new InferwardError({
    code: `config.backend_${key}`,
    message: `backend.${key}: ${file} cannot be used (${why})`,
    hint: 'The path is relative to the configuration file.',
    exitCode: exitCodes.config,
    cause,
  })
}
