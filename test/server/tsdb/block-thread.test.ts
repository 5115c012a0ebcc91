// Blocks made on a thread of their own are the bytes that are made in place; what happens to the thread happens to its questions only.

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import * as path from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { entry } from '../../../core/base/entry.ts'
import { nodeFileLayer } from '../../../core/base/node-file-layer.ts'
import { openBlockFolder } from '../../../core/series/block-folder.ts'
import { type BlockMaker, openBlockMaker } from '../../../core/series/block-maker.ts'
import { blockId } from '../../../core/series/block-meta.ts'
import { cutBlock, mergeBlocks } from '../../../core/series/compaction.ts'
import { openHead } from '../../../core/series/head.ts'
import { blockThread } from '../../../server/tsdb/block-thread.ts'

const folders: string[] = []
const folder = (): string => {
  const made = mkdtempSync(path.join(tmpdir(), 'iw-block-thread-'))
  folders.push(made)
  return made
}
afterEach(() => {
  for (const made of folders.splice(0)) rmSync(made, { recursive: true, force: true })
})
const program = entry('server/tsdb/block-worker.ts')
const id = (n: number): string => blockId(n, (bytes) => bytes.fill(n))
const hour = 3_600_000

function filled() {
  const head = openHead({ maxSeries: 1000, retentionMs: Number.POSITIVE_INFINITY })
  for (let i = 0; i < 50; i++) {
    const ref = head.series([
      ['__name__', 'm'],
      ['i', String(i)],
    ]) as number
    for (let time = 1; time <= 4 * hour; time += 60_000) head.append(ref, time, i * time, time % 7 === 0)
  }
  return head
}

/** Two blocks, merged, and one that is removed: what lies in the folder then. */
async function work(make: (directory: string) => BlockMaker): Promise<ReadonlyMap<string, string>> {
  const directory = folder()
  const maker = make(directory)
  const head = filled()
  const blocks = openBlockFolder(nodeFileLayer, directory, { cacheBytes: 1 << 20, monotonic: () => 0 })
  for (const [n, from] of [0, hour, 2 * hour].entries())
    await cutBlock(head, blocks, maker, { id: id(n + 1), from, to: from + hour }, async () => {})
  await maker.rest()
  expect(await mergeBlocks(blocks, maker, blocks.metas.slice(0, 2), id(9))).toMatchObject({ level: 2, series: 50 })
  blocks.forget(id(3))
  await maker.remove([id(3)])
  expect(await cutBlock(head, blocks, maker, { id: id(10), from: 9 * hour, to: 10 * hour }, async () => {})).toBeNull()
  await maker.stop()
  expect(blocks.metas.map((meta) => meta.id)).toEqual([id(9)])
  return new Map(readdirSync(directory).map((name) => [name, readFileSync(path.join(directory, name), 'hex')]))
}

it('gives the same files as in place', async () => {
  const there = await work((directory) => blockThread(program, directory))
  expect(there.size).toBe(3)
  expect(there).toEqual(await work((directory) => openBlockMaker(nodeFileLayer, directory)))
})

it('that ends by itself fails its question and leaves nothing; the next question starts another', async () => {
  const directory = folder()
  const mortal = path.join(directory, 'mortal.mjs')
  const flag = path.join(directory, 'died-once')
  const blocksIn = path.join(directory, 'blocks')
  mkdirSync(blocksIn)
  writeFileSync(
    mortal,
    `import { existsSync, writeFileSync } from 'node:fs'
     import { parentPort, workerData } from 'node:worker_threads'
     if (existsSync(${JSON.stringify(flag)})) await import(${JSON.stringify(program)})
     else parentPort.on('message', ({ verb, args: [{ id }] }) => {
       writeFileSync(workerData.directory + '/' + id + '.chunks', 'half')
       writeFileSync(${JSON.stringify(flag)}, '')
       throw new Error('out of luck')
     })`,
  )
  const maker = blockThread(mortal, blocksIn)
  const blocks = openBlockFolder(nodeFileLayer, blocksIn, { cacheBytes: 1 << 20, monotonic: () => 0 })
  const cut = (n: number) => cutBlock(filled(), blocks, maker, { id: id(n), from: 0, to: hour }, async () => {})
  await expect(cut(1)).rejects.toMatchObject({ code: 'store.block_thread', message: expect.stringContaining('luck') })
  expect(readdirSync(blocksIn)).toEqual([])
  expect(await cut(2)).toMatchObject({ series: 50 })
  await maker.stop()
})

it('says what its files say, and ends what is under way when it is stopped', async () => {
  const directory = folder()
  const maker = blockThread(program, directory)
  const parent = { id: id(1), minTime: 0, maxTime: 1, level: 1 }
  expect(await maker.merge([parent as never], id(2))).toEqual({ damaged: id(1) })
  await expect(maker.part(new Uint8Array(100))).rejects.toThrow()
  const pending = maker.begin({ id: id(3), from: 0, to: 1 })
  const failed = expect(pending).rejects.toMatchObject({ code: 'store.block_thread' })
  await maker.stop()
  await failed
  await expect(maker.rest()).resolves.toBeUndefined()
  await expect(maker.finish()).rejects.toMatchObject({ code: 'store.block_thread' })
})
