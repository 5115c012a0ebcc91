// Who is taken for a client of ours, and which web page is not.

import { describe, expect, it } from 'vitest'
import { calledByName, crossOrigin, misled } from '../../../core/base/caller.ts'

describe('a name we are called by', () => {
  it.each([
    undefined,
    'localhost',
    'LocalHost:9720',
    'localhost.:9720',
    '127.0.0.1',
    '127.0.0.1:9720',
    '10.0.0.7:80',
    '[::1]:9720',
    '[fe80::1]',
    'gpu-07',
    'GPU-07:9720',
  ])('%s is ours', (host) => {
    expect(calledByName(host, ['gpu-07'])).toBe(true)
  })

  it.each([
    'evil.example',
    'evil.example:9720',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    'gpu-07.evil.example',
    '127.0.0.1@evil.example',
    'evil.example/127.0.0.1',
    '',
    ' ',
    ':9720',
    '[evil.example]',
    '127.0.0.1:9720:1',
    '*',
  ])('%j is not', (host) => {
    expect(calledByName(host, ['gpu-07'])).toBe(false)
  })

  it('is any, where that is configured', () => {
    expect(calledByName('evil.example', ['*'])).toBe(true)
  })
})

describe('a page', () => {
  const host = '127.0.0.1:9720'
  it.each([
    [undefined, false],
    ['http://127.0.0.1:9720', false],
    ['https://127.0.0.1:9720', false],
    ['http://127.0.0.1:3000', true],
    ['http://localhost:9720', true],
    ['https://evil.example', true],
    ['null', true],
    ['', true],
    ['nonsense', true],
  ])('of origin %s is another: %s', (origin, other) => {
    expect(crossOrigin({ host, origin })).toBe(other)
  })

  it.each([
    ['GET', null],
    ['HEAD', null],
    ['POST', 'other_origin'],
    ['PUT', 'other_origin'],
    ['DELETE', 'other_origin'],
    [undefined, 'other_origin'],
  ])('of another origin that asks by %s: %s', (method, reason) => {
    expect(misled({ method, headers: { host, origin: 'https://evil.example' } }, [])).toBe(reason)
  })

  it('that had its own name point to us is known by that name, whatever it asks', () => {
    const headers = { host: 'evil.example:9720', origin: 'http://evil.example:9720' }
    for (const method of ['GET', 'POST']) expect(misled({ method, headers }, [])).toBe('other_name')
  })
})
