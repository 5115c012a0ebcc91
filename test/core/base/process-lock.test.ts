// One program per folder: a living holder is respected, a dead or recycled pid is not, and no lock file is so broken that it locks out.

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import * as path from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { nodeFileLayer } from '../../../core/base/node-file-layer.ts'
import { takeLock } from '../../../core/base/process-lock.ts'
import { startOf } from '../../../server/db/process-start.ts'

const folders: string[] = []
const file = (): string => {
  const made = mkdtempSync(path.join(tmpdir(), 'iw-lock-'))
  folders.push(made)
  return path.join(made, 'lock')
}
afterEach(() => {
  for (const made of folders.splice(0)) rmSync(made, { recursive: true, force: true })
})
const living = new Map([
  [100, 'start-a'],
  [200, 'start-b'],
])
const take = (at: string, pid = 200) =>
  takeLock({
    files: nodeFileLayer,
    path: at,
    self: { pid, startTime: living.get(pid)! },
    startOf: (one) => living.get(one) ?? null,
    what: 'the server',
  })

describe('a lock', () => {
  it('names its holder, keeps others out with words, and is gone when released', () => {
    const at = file()
    const held = take(at, 100)
    expect(readFileSync(at, 'utf8')).toBe('100 start-a\n')
    expect(() => take(at)).toThrow('the server already runs on this folder as pid 100')
    held.release()
    expect(existsSync(at)).toBe(false)
    take(at)
    expect(readFileSync(at, 'utf8')).toBe('200 start-b\n')
  })

  it.each([
    ['of a dead pid', '300 start-x\n'],
    ['of a pid that is somebody else by now', '100 start-of-before\n'],
    ['of our own pid in an earlier life', '200 start-of-before\n'],
    ['that is empty', ''],
    ['cut by a crash', '10'],
    ['without a start time', '100'],
    ['of words', 'not a lock\n'],
    ['of zeros after a power cut', '\0'.repeat(20)],
    ['of a negative pid', '-1 x\n'],
  ])('%s holds nobody up', (_name, text) => {
    const at = file()
    writeFileSync(at, text)
    take(at)
    expect(readFileSync(at, 'utf8')).toBe('200 start-b\n')
  })

  it('that was taken over is not released by the one who lost it', () => {
    const at = file()
    const lost = take(at, 100)
    writeFileSync(at, '200 start-b\n')
    lost.release()
    expect(readFileSync(at, 'utf8')).toBe('200 start-b\n')
  })

  it('is judged by the real start time of a real process', () => {
    expect(startOf(process.pid)).toMatch(/^\d+$/)
    expect(startOf(2 ** 22 + 1)).toBeNull()
  })
})
