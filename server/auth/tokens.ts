// Bearer tokens: 256 random bits, known to us by their SHA-256 only. Two are made at the first start and kept in files of mode 0600: the
// administrator's and the local agent's.

import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'
import { InferwardError, systemCode } from '../../core/base/errors.ts'
import type { Principal } from './authorize.ts'

const hash = (token: string): Buffer => createHash('sha256').update(token).digest()

export type TokenTable = {
  /** The owner of a token, or null. Takes the same time whichever it is. */
  find(token: string): Principal | null
  add(token: string, principal: Principal): void
}

export function tokenTable(): TokenTable {
  const rows: { readonly hash: Buffer; readonly principal: Principal }[] = []
  return {
    find(token) {
      const wanted = hash(token)
      let found: Principal | null = null
      for (const row of rows) if (timingSafeEqual(row.hash, wanted)) found = row.principal
      return found
    },
    add: (token, principal) => void rows.push({ hash: hash(token), principal }),
  }
}

/** The token in `file`; made when the file is absent, never overwritten. */
export function tokenFile(file: string): { readonly token: string; readonly made: boolean } {
  try {
    const token = randomBytes(32).toString('base64url')
    const descriptor = openSync(file, 'wx', 0o600)
    writeSync(descriptor, `${token}\n`)
    closeSync(descriptor)
    return { token, made: true }
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') {
      throw new InferwardError({
        code: 'auth.token_file',
        message: `${file} cannot be written`,
        hint: 'Name a writable data folder with --data.',
        cause: error,
      })
    }
  }
  const token = readFileSync(file, 'utf8').trim()
  if (token.length < 32) {
    throw new InferwardError({
      code: 'auth.token_file',
      message: `${file} holds no token`,
      hint: 'Remove the file: a new one is made at the next start.',
    })
  }
  return { token, made: false }
}
