// Records about rules on their way: what is written is read, numbers that JSON does not know included, and what is not understood is named.

import { describe, expect, it } from 'vitest'
import { decodeRulesRecord, encodeRulesRecord, type RulesRecord } from '../../../core/wire/host-rules.ts'

const hash = 'a'.repeat(64)
const alert = {
  fingerprint: 'f',
  file: 'r.yml',
  group: 'g',
  rule: 'A',
  expression: 'up == 0',
  labels: { alertname: 'A', host: 'h' },
  annotations: {},
  activeAt: 1,
  firedAt: null,
}
const changes = (value: number | null): RulesRecord => ({
  kind: 'changes',
  term: 't',
  hash,
  transitions: [{ ...alert, state: 'pending', at: 1, value }],
  amendments: [],
})

describe('a record about rules', () => {
  it.each([
    1.5,
    0,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    null,
  ])('is read as it was written, with the value %s', (value) => {
    expect(decodeRulesRecord(encodeRulesRecord(changes(value)))).toEqual({ ok: true, record: changes(value) })
  })

  it.each([
    ['no JSON', 'x', 'not JSON'],
    ['no record', '[]', 'record'],
    ['another kind', JSON.stringify({ kind: 'x' }), 'kind'],
    ['a hash that is none', JSON.stringify({ kind: 'refused', term: 't', hash: 'secret', reason: '' }), 'hash'],
    ['a field too many', JSON.stringify({ kind: 'refused', term: 't', hash, reason: '', secret: 1 }), 'record'],
  ])('is refused when it is %s, in words that do not repeat it', (_what, text, where) => {
    const parsed = decodeRulesRecord(new TextEncoder().encode(text))
    expect(parsed).toMatchObject({ ok: false, fault: expect.stringContaining(where) })
    expect(JSON.stringify(parsed)).not.toContain('secret')
  })

  it('is nothing when it is cut anywhere', () => {
    const whole = encodeRulesRecord(changes(1))
    for (let cut = 0; cut < whole.length; cut++) expect(decodeRulesRecord(whole.subarray(0, cut)).ok).toBe(false)
  })
})
