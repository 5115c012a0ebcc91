// Bearer tokens: 256 random bits, known to us by their SHA-256 only. Two are made at the first start and kept in files of mode 0600: the
// administrator's and the local agent's.

import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { closeSync, fsyncSync, linkSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
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
  // Written aside and linked: the name shows a whole token or none, whatever happens in the middle, and an existing file stays.
  const aside = `${file}.tmp-${process.pid}`
  try {
    const token = randomBytes(32).toString('base64url')
    rmSync(aside, { force: true })
    const descriptor = openSync(aside, 'wx', 0o600)
    try {
      writeSync(descriptor, `${token}\n`)
      fsyncSync(descriptor)
    } finally {
      closeSync(descriptor)
    }
    linkSync(aside, file)
    return { token, made: true }
  } catch (error) {
    if (systemCode(error) !== 'EEXIST')
      throw fault(`${file} cannot be written`, 'Name a writable data folder with --data.', error)
  } finally {
    rmSync(aside, { force: true })
  }
  let token: string
  try {
    token = readFileSync(file, 'utf8').trim()
  } catch (error) {
    throw fault(
      `${file} cannot be read`,
      'Only the user who started the server first may read it: start it as that user.',
      error,
    )
  }
  if (token.length < 32 || /\s/.test(token))
    throw fault(`${file} holds no token`, 'Remove the file: a new one is made at the next start.')
  return { token, made: false }
}

function fault(message: string, hint: string, cause?: unknown): InferwardError {
  return new InferwardError({ code: 'auth.token_file', message, hint, cause })
}
