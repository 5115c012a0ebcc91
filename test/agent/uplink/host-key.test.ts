// The host's own key: made once, for nobody else to read, and never replaced by ourselves.

import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import * as path from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { hostKey } from '../../../agent/uplink/host-key.ts'
import { nodeFileLayer } from '../../../core/base/node-file-layer.ts'
import { isHostKey } from '../../../core/wire/host-key.ts'

const folders: string[] = []
afterEach(() => {
  for (const made of folders.splice(0)) rmSync(made, { recursive: true, force: true })
})
function place() {
  const folder = mkdtempSync(path.join(tmpdir(), 'iw-key-'))
  folders.push(folder)
  let asked = 0
  const file = path.join(folder, 'host.key')
  const random = (bytes: Uint8Array): Uint8Array => bytes.fill(++asked)
  return { folder, file, ask: (files = nodeFileLayer) => hostKey({ files, path: file, random }).reveal() }
}

it('a key is made once, 0600, and is the same at every later look', () => {
  const { folder, file, ask } = place()
  const before = process.umask(0)
  const made = ask()
  process.umask(before)
  expect(isHostKey(made)).toBe(true)
  expect(statSync(file).mode & 0o777).toBe(0o600)
  expect(readFileSync(file, 'utf8')).toBe(`${made}\n`)
  expect(readdirSync(folder)).toEqual(['host.key'])
  expect(ask()).toBe(made)
})

it.each(['', 'short', ` ${'a'.repeat(42)} b`])('a file that holds %j is told of, and left as it is', (text) => {
  const { file, ask } = place()
  writeFileSync(file, text)
  expect(() => ask()).toThrow(`${file} holds no key`)
  expect(readFileSync(file, 'utf8')).toBe(text)
})

it('a key that cannot be written is not shown: after a restart there would be another', () => {
  const { file, ask } = place()
  const full = {
    ...nodeFileLayer,
    writeAtomic: () => {
      throw new Error('ENOSPC')
    },
  }
  expect(() => ask(full)).toThrow('ENOSPC')
  expect(nodeFileLayer.exists(file)).toBe(false)
})
