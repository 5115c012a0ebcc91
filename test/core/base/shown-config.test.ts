// What `/api/v1/status/config` may show to anybody who can read.

import { describe, expect, it } from 'vitest'
import { shownConfig } from '../../../core/base/shown-config.ts'

const canary = 'CANARY0123456789abcdef'

describe('a configuration that is shown', () => {
  it.each([
    `backend: { url: "http://db:9090", headers: { X-Api-Key: ${canary}, X-Scope-OrgID: fleet } }`,
    `backend:\n  headers:\n    Cookie: session=${canary}\n`,
    `remote_write:\n  - url: http://a\n    basic_auth: { username: bob, password: ${canary} }\n`,
    `remote_write: [{ url: "http://a", authorization: { credentials: ${canary} } }]`,
    `a: { bearer_token: ${canary} }`,
    `a: { client_secret: "${canary}" }`,
    `a:\n  password: |\n    ${canary}\n`,
    `a:\n  password: >-\n    one\n    ${canary}\n`,
    `token: &p ${canary}\nb: { x: *p }\n`,
    `a: &p ${canary}\nb: { password: *p }\n`,
    `a: &h { X-Any: ${canary} }\nb: { headers: *h }\n`,
    `headers: { !!str X-Any: !secret ${canary} }`,
    `password: x # before: ${canary}\n# token: ${canary}\n`,
    `a: { secret_access_key: ${canary} }`,
    `http_headers: { X-Any: { values: [${canary}], secrets: [${canary}] } }`,
    `proxy_url: http://u:${canary}@proxy:3128`,
    `? password\n: ${canary}\n`,
  ])('holds nothing secret of %j', (text) => {
    expect(shownConfig(text)).not.toContain('CANARY')
    expect(shownConfig(text)).toContain('***')
  })

  it('keeps the rest as it was written, files of secrets too', () => {
    const text = [
      'server: { listen: 127.0.0.1:9700 }',
      'backend:',
      '  url: http://db:9090',
      '  username: bob',
      '  password_file: db.password',
      'engines:',
      '  - { name: a, model: m.gguf, kv_tokens: 4096 }',
      '',
    ].join('\n')
    expect(shownConfig(text)).toBe(text)
  })

  it('shows no word of what cannot be read, and of nothing nothing', () => {
    expect(shownConfig(`password: [${canary}`)).not.toContain('CANARY')
    expect(shownConfig('')).toBe('')
  })
})
