// From a request to a principal: the ways a token may come, and all the ways it may not.

import type { IncomingMessage } from 'node:http'
import { describe, expect, it } from 'vitest'
import { authenticate } from '../../../server/auth/authenticate.ts'
import { tokenTable } from '../../../server/auth/tokens.ts'

const token = 'T0ken-with_all.the~rest+of/it=='
const admin = { name: 'admin', role: 'admin', scope: '*' } as const
const tokens = tokenTable()
tokens.add(token, admin)
const basic = (pair: string): string => `Basic ${Buffer.from(pair).toString('base64')}`
const ask = (authorization: string | undefined, loopback: boolean, host = '127.0.0.1:9700') =>
  authenticate(
    { headers: { host, ...(authorization === undefined ? {} : { authorization }) } } as IncomingMessage,
    tokens,
    loopback,
  )

describe('a request', () => {
  it.each([
    ['a bearer token', `Bearer ${token}`],
    ['a bearer token in small letters', `bearer ${token}`],
    ['Basic with any user', basic(`anybody:${token}`)],
    ['Basic without a user', basic(`:${token}`)],
    ['BASIC in capitals', basic(`u:${token}`).replace('Basic', 'BASIC')],
  ])('with %s is of its owner, on loopback and off it', (_name, header) => {
    expect(ask(header, true)).toEqual(admin)
    expect(ask(header, false)).toEqual(admin)
  })

  it.each([
    ['a wrong token', `Bearer ${token}x`],
    ['a token cut short', `Bearer ${token.slice(0, -1)}`],
    ['no token', 'Bearer'],
    ['an empty token', 'Bearer '],
    ['a token without a scheme', token],
    ['another scheme', `Digest ${token}`],
    ['the token as user', basic(`${token}:`)],
    ['Basic without a colon', basic(token)],
    ['Basic that is no base64', 'Basic ***'],
    ['an empty header', ''],
    ['a megabyte', `Bearer ${'x'.repeat(1 << 20)}`],
  ])('with %s is of nobody: not even a viewer on loopback', (_name, header) => {
    expect(ask(header, true)).toBeNull()
    expect(ask(header, false)).toBeNull()
  })

  it('without a token is a viewer on loopback and nobody off it', () => {
    expect(ask(undefined, true)).toEqual({ name: 'anonymous', role: 'viewer', scope: '*' })
    expect(ask(undefined, false)).toBeNull()
  })

  it.each([
    'localhost',
    'localhost:9700',
    '127.0.0.1:9700',
    '127.9.9.9',
    '[::1]:9700',
    'LOCALHOST:1',
  ])('without a token may call the server %s', (host) => expect(ask(undefined, true, host)).not.toBeNull())

  it.each([
    'evil.example',
    'evil.example:9700',
    '127.0.0.1.evil.example',
    'localhost.evil.example:1',
    '10.0.0.1:9700',
    '',
  ])('without a token that calls it %j comes from a page that rebound a name, or through a proxy: nobody', (host) => {
    expect(ask(undefined, true, host)).toBeNull()
    expect(ask(`Bearer ${token}`, true, host)).toEqual(admin)
  })
})
