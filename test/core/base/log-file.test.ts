// A log is bounded under the hands of whoever writes it.

import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import * as path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { FileLayer } from '../../../core/base/file-layer.ts'
import { boundLogFile } from '../../../core/base/log-file.ts'
import { nodeFileLayer } from '../../../core/base/node-file-layer.ts'

let folder: string
let log: string
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'iw-log-'))
  log = path.join(folder, 'a.log')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))
const read = (file: string): string => readFileSync(file, 'utf8')

describe('a log file', () => {
  it('is left alone up to its bound, and not made where there is none', () => {
    expect(boundLogFile(nodeFileLayer, log, 10)).toBe(false)
    expect(existsSync(log)).toBe(false)
    writeFileSync(log, '0123456789')
    expect(boundLogFile(nodeFileLayer, log, 10)).toBe(false)
    expect([read(log), existsSync(`${log}.1`)]).toEqual(['0123456789', false])
  })

  it('is cut past its bound, its end set aside in place of an older one, and its writer goes on from the beginning', () => {
    const writer = openSync(log, 'a')
    writeFileSync(`${log}.1`, 'what was set aside before, and longer than that')
    writeSync(writer, 'lost 0123456789')
    expect(boundLogFile(nodeFileLayer, log, 10)).toBe(true)
    expect([read(log), read(`${log}.1`)]).toEqual(['', '0123456789'])
    writeSync(writer, 'more')
    expect(boundLogFile(nodeFileLayer, log, 10)).toBe(false)
    expect(read(log)).toBe('more')
    closeSync(writer)
  })

  it('is copied whole where it is larger than one piece', () => {
    const bytes = Buffer.alloc(5 << 20, 'abcdefg')
    writeFileSync(log, bytes)
    expect(boundLogFile(nodeFileLayer, log, 4 << 20)).toBe(true)
    expect(readFileSync(`${log}.1`).equals(bytes.subarray(1 << 20))).toBe(true)
  })

  it('is set aside with what is written meanwhile', () => {
    writeFileSync(log, '0123456789ab')
    const files: FileLayer = {
      ...nodeFileLayer,
      open(file, mode) {
        const handle = nodeFileLayer.open(file, mode)
        const append = (bytes: Uint8Array): void => {
          handle.append(bytes)
          if (bytes.length === 10) writeFileSync(log, 'cd', { flag: 'a' })
        }
        return { ...handle, append }
      },
    }
    boundLogFile(files, log, 10)
    expect([read(log), read(`${log}.1`)]).toEqual(['', '23456789abcd'])
  })

  it.each(['remove', 'open'] as const)('is cut although %s fails for its copy', (call) => {
    writeFileSync(log, '0123456789ab')
    const full = (): never => {
      throw new Error('ENOSPC')
    }
    const files: FileLayer = {
      ...nodeFileLayer,
      remove: call === 'remove' ? full : nodeFileLayer.remove,
      open: (file, mode) => (call === 'open' && file.endsWith('.1') ? full() : nodeFileLayer.open(file, mode)),
    }
    expect(boundLogFile(files, log, 10)).toBe(true)
    expect(read(log)).toBe('')
  })

  it('that cannot be opened or cut is no fault of anybody', () => {
    expect(boundLogFile(nodeFileLayer, folder, 0)).toBe(false)
    writeFileSync(log, '0123456789ab')
    const stubborn: FileLayer = {
      ...nodeFileLayer,
      open: (file, mode) => ({
        ...nodeFileLayer.open(file, mode),
        truncate: () => {
          throw new Error('EIO')
        },
      }),
    }
    expect(boundLogFile(stubborn, log, 10)).toBe(false)
    expect(read(log)).toBe('0123456789ab')
  })
})
