// Tokens: found by hash, kept in a file of 0600 that is never overwritten, and never half a file.

import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import * as path from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { tokenFile, tokenTable } from '../../../server/auth/tokens.ts'

const folders: string[] = []
const folder = (): string => {
  const made = mkdtempSync(path.join(tmpdir(), 'iw-token-'))
  folders.push(made)
  return made
}
afterEach(() => {
  for (const made of folders.splice(0)) rmSync(made, { recursive: true, force: true })
})

describe('a token file', () => {
  it('is made once, 0600, with 256 random bits, and nothing is left beside it', () => {
    const directory = folder()
    const file = path.join(directory, 'admin.token')
    const before = process.umask(0)
    const made = tokenFile(file)
    process.umask(before)
    expect(made.made).toBe(true)
    expect(Buffer.from(made.token, 'base64url')).toHaveLength(32)
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(readFileSync(file, 'utf8')).toBe(`${made.token}\n`)
    expect(readdirSync(directory)).toEqual(['admin.token'])
    expect(tokenFile(path.join(directory, 'other.token')).token).not.toBe(made.token)
  })

  it('is never overwritten: the second start reads what the first made', () => {
    const file = path.join(folder(), 'admin.token')
    const { token } = tokenFile(file)
    const before = statSync(file).mtimeMs
    expect(tokenFile(file)).toEqual({ token, made: false })
    expect(statSync(file).mtimeMs).toBe(before)
  })

  it('of a person is taken as it is, spaces around it left out', () => {
    const file = path.join(folder(), 'admin.token')
    const token = 'a'.repeat(40)
    writeFileSync(file, `  ${token}\r\n\n`)
    expect(tokenFile(file)).toEqual({ token, made: false })
  })

  it.each([
    '',
    '\n',
    'short',
    ' '.repeat(100),
  ])('that holds %j is refused with what to do, and stays as it is', (text) => {
    const file = path.join(folder(), 'admin.token')
    writeFileSync(file, text)
    expect(() => tokenFile(file)).toThrow('holds no token')
    expect(readFileSync(file, 'utf8')).toBe(text)
  })

  it('that holds two words is refused: it can be no token', () => {
    const file = path.join(folder(), 'admin.token')
    writeFileSync(file, `${'a'.repeat(40)}\n${'b'.repeat(40)}\n`)
    expect(() => tokenFile(file)).toThrow('holds no token')
  })

  it('in a folder that is not there, or that is a folder itself, is an error with words and no secret', () => {
    const directory = folder()
    expect(() => tokenFile(path.join(directory, 'absent', 'admin.token'))).toThrow('cannot be written')
    expect(existsSync(path.join(directory, 'absent'))).toBe(false)
    expect(() => tokenFile(directory)).toThrow(expect.objectContaining({ code: 'auth.token_file' }))
  })

  it('left half-written by a crash of an earlier start holds nobody up', () => {
    const directory = folder()
    const file = path.join(directory, 'admin.token')
    tokenFile(file)
    rmSync(file)
    for (const name of readdirSync(directory)) chmodSync(path.join(directory, name), 0o600)
    writeFileSync(`${file}.tmp-${process.pid}`, 'half')
    expect(tokenFile(file).made).toBe(true)
    expect(readdirSync(directory)).toEqual(['admin.token'])
  })
})

describe('the token table', () => {
  it('finds the owner of exactly that token', () => {
    const table = tokenTable()
    const admin = { name: 'admin', role: 'admin', scope: '*' } as const
    const agent = { name: 'agent', role: 'agent', scope: '*' } as const
    table.add('one', admin)
    table.add('two', agent)
    expect(table.find('one')).toBe(admin)
    expect(table.find('two')).toBe(agent)
    for (const wrong of ['', 'on', 'onee', 'ONE', 'three']) expect(table.find(wrong)).toBeNull()
    expect(tokenTable().find('')).toBeNull()
    expect(JSON.stringify(table)).not.toContain('one')
  })
})
