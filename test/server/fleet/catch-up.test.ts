import { describe, expect, it } from 'vitest'
import { absentGraceMs, behindGraceMs, caughtUp } from '../../../server/fleet/catch-up.ts'

describe('whether rules may be judged after a restart', () => {
  const nobody = { expected: [], connected: [], behind: [], elapsedMs: 0 }

  it.each([
    ['a first start has nobody to wait for', nobody, true],
    ['a host that was there is waited for', { ...nobody, expected: ['a'] }, false],
    ['it is back and has told everything', { ...nobody, expected: ['a'], connected: ['a'] }, true],
    ['it is back and still tells', { ...nobody, expected: ['a'], connected: ['a'], behind: ['a'] }, false],
    ['another host does not stand in for it', { ...nobody, expected: ['a'], connected: ['b'] }, false],
    ['one that does not come back is given up', { ...nobody, expected: ['a'], elapsedMs: absentGraceMs }, true],
    [
      'one that is behind is waited for longer',
      { ...nobody, connected: ['a'], behind: ['a'], elapsedMs: absentGraceMs },
      false,
    ],
    ['but not for ever', { ...nobody, connected: ['a'], behind: ['a'], elapsedMs: behindGraceMs }, true],
  ])('%s', (_title, input, ready) => {
    expect(caughtUp(input)).toBe(ready)
  })
})
