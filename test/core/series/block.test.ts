// Blocks beside a plain list of what went in: cut from a head, merged, reopened, damaged in every way.

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import * as path from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { nodeFileLayer } from '../../../core/base/node-file-layer.ts'
import { type BlockFolder, openBlockFolder } from '../../../core/series/block-folder.ts'
import { type BlockMaker, openBlockMaker } from '../../../core/series/block-maker.ts'
import {
  type BlockMeta,
  blockId,
  decodeMeta,
  encodeMeta,
  planMerge,
  planRemoval,
} from '../../../core/series/block-meta.ts'
import { cutBlock, mergeBlocks } from '../../../core/series/compaction.ts'
import { type Head, openHead } from '../../../core/series/head.ts'
import { openMerging } from '../../../core/series/merged-querier.ts'
import type { Labels, Matcher, Querier, Window } from '../../../core/series/seam.ts'
import { type Random, random } from '../../helpers/random.ts'

const folders: string[] = []
const folder = (): string => {
  const made = mkdtempSync(path.join(tmpdir(), 'iw-block-'))
  folders.push(made)
  return made
}
afterEach(() => {
  for (const made of folders.splice(0)) rmSync(made, { recursive: true, force: true })
})

const hour = 3_600_000
const start = Math.floor(Date.UTC(2026, 0, 1) / (2 * hour)) * 2 * hour
const turn = async (): Promise<void> => {}
const openBlocks = (directory: string): BlockFolder =>
  openBlockFolder(nodeFileLayer, directory, { cacheBytes: 1 << 20, monotonic: () => 0 })
/** As on a thread of its own: what is said to it is a message. */
function makerOf(directory: string): BlockMaker {
  const maker = openBlockMaker(nodeFileLayer, directory)
  const sent =
    <A extends readonly unknown[], R>(verb: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> =>
      structuredClone(await verb(...structuredClone(args)))
  return Object.fromEntries(
    Object.entries(maker).map(([name, verb]) => [name, sent(verb as () => Promise<unknown>)]),
  ) as unknown as BlockMaker
}
let made = 0
const newId = (): string => blockId(start + made++, (bytes) => bytes.fill(made & 31))

type Sample = { readonly time: number; readonly value: number; readonly stale: boolean }
type Model = Map<string, { readonly labels: Labels; readonly samples: Sample[] }>

const named = (name: string, more: Record<string, string>): Labels =>
  Object.entries({ __name__: name, ...more }).sort(([a], [b]) => (a < b ? -1 : 1))

/** Appends samples of [from, to) to about `count` series, to the head and to the model. */
function feed(source: Random, head: Head, model: Model, count: number, from: number, to: number, first = 0): void {
  for (let i = first; i < first + count; i++) {
    const labels = named(source.pick(['a', 'b', 'ütf']) + (i % 3), {
      i: String(i),
      host: `h${i % 5}`,
      text: `größe ${i % 2}`,
    })
    const ref = head.series(labels) as number
    const key = JSON.stringify(labels)
    if (!model.has(key)) model.set(key, { labels, samples: [] })
    const { samples } = model.get(key)!
    const step = source.integer(5_000, 60_000)
    for (
      let time = from + source.integer(1, step);
      time < to;
      time += source.uniform() < 0.8 ? step : source.integer(1, 3 * step)
    ) {
      const stale = source.uniform() < 0.02
      const value = stale ? 0 : source.uniform() < 0.5 ? source.integer(0, 1000) : source.normal()
      if (head.append(ref, time, value, stale) === null) samples.push({ time, value, stale })
    }
  }
}

function read(querier: Querier, ref: number, t0: number, t1: number, room = 20_000): readonly Sample[] {
  const out: Window = { times: new Float64Array(room), values: new Float64Array(room), stale: new Uint8Array(room) }
  const count = Math.min(room, querier.window(ref, t0, t1, out))
  return Array.from({ length: count }, (_, i) => ({
    time: out.times[i]!,
    value: out.stale[i] === 1 ? 0 : out.values[i]!,
    stale: out.stale[i] === 1,
  }))
}

/** Random selections and windows of the Querier against the model, over samples of (from, to]. */
function compare(source: Random, querier: Querier, model: Model, from: number, to: number, turns = 20): void {
  const matchers: readonly (readonly Matcher[])[] = [
    [{ name: '__name__', op: '=~', value: '.+' }],
    [{ name: 'host', op: '=', value: 'h1' }],
    [{ name: '__name__', op: '=~', value: 'a.|ütf1' }],
    [
      { name: 'text', op: '=', value: 'größe 1' },
      { name: 'host', op: '!=', value: 'h2' },
    ],
    [
      { name: 'i', op: '!~', value: '.*7' },
      { name: '__name__', op: '!=', value: '' },
    ],
    [{ name: 'host', op: '=', value: 'nobody' }],
  ]
  for (let n = 0; n < turns; n++) {
    const chosen = source.pick(matchers)
    const t0 = from + source.uniform() * (to - from)
    const t1 = t0 + source.uniform() * (to - t0)
    const wanted = [...model.values()].filter(({ labels }) => chosen.every((one) => matches(one, labels)))
    const got = new Map([...querier.select(chosen)].map((ref) => [JSON.stringify(querier.labels(ref)), ref] as const))
    for (const { labels, samples } of wanted) {
      const inside = samples.filter((one) => one.time > t0 && one.time <= t1)
      const ref = got.get(JSON.stringify(labels))
      if (ref === undefined) {
        expect(samples.filter((one) => one.time > from && one.time <= to)).toEqual([])
        continue
      }
      expect(read(querier, ref, t0, t1)).toEqual(inside)
      expect(read(querier, ref, t0, t1, 7)).toEqual(inside.slice(-7))
      const cell = { times: new Float64Array(1), values: new Float64Array(1), stale: new Uint8Array(1) }
      expect(querier.latest(ref, t0, t1, cell)).toBe(inside.length > 0 ? 1 : 0)
      if (inside.length > 0) expect(cell.times[0]).toBe(inside.at(-1)!.time)
    }
    const known = new Set(wanted.map(({ labels }) => JSON.stringify(labels)))
    for (const key of got.keys()) expect(known).toContain(key)
  }
}
function matches({ name, op, value }: Matcher, labels: Labels): boolean {
  const held = labels.find(([one]) => one === name)?.[1] ?? ''
  const regex = new RegExp(`^(?:${value})$`, 'u')
  return op === '=' ? held === value : op === '!=' ? held !== value : op === '=~' ? regex.test(held) : !regex.test(held)
}

async function twoBlocks(seed: number): Promise<{
  source: Random
  directory: string
  blocks: BlockFolder
  head: Head
  model: Model
}> {
  const source = random(seed)
  const directory = folder()
  const blocks = openBlocks(directory)
  const head = openHead({ maxSeries: 10_000, retentionMs: Number.POSITIVE_INFINITY })
  const model: Model = new Map()
  for (let b = 0; b < 2; b++) {
    const from = start + b * 2 * hour
    feed(source, head, model, 40, from, from + 2 * hour, b * 10)
    await cutBlock(head, blocks, makerOf(directory), { id: newId(), from, to: from + 2 * hour }, turn)
  }
  return { source, directory, blocks, head, model }
}

describe('blocks', () => {
  it.each([1, 2, 3])('give back what the head held, also after a reopening and a merge (seed %i)', async (seed) => {
    const { source, directory, blocks, model } = await twoBlocks(seed)
    const first = blocks.metas[0]!
    compare(source, blocks.querier(first.id)!, within(model, start, start + 2 * hour), start, start + 2 * hour)
    blocks.close()

    const again = openBlocks(directory)
    expect(again.damage).toEqual([])
    const merged = await mergeBlocks(again, makerOf(directory), again.metas, newId())
    expect(merged).toMatchObject({ level: 2, minTime: start, maxTime: start + 4 * hour, series: model.size })
    expect(again.metas).toEqual([merged])
    expect(readdirSync(directory)).toHaveLength(3)
    compare(source, openBlocks(directory).querier(merged!.id)!, model, start, start + 4 * hour)
    expect(merged!.samples).toBe([...model.values()].reduce((sum, one) => sum + one.samples.length, 0))
  })

  it.each([4, 5, 6])('and the head read as one, whatever was given up of the head (seed %i)', async (seed) => {
    const { source, blocks, head, model } = await twoBlocks(seed)
    feed(source, head, model, 30, start + 4 * hour, start + 6 * hour, 20)
    const merging = openMerging(head)
    for (const seam of [start + 4 * hour, start + 3 * hour, start + 1 * hour]) {
      const querier = merging.querier(blocks.queriers(start, seam), seam)
      compare(source, querier, model, start, start + 6 * hour)
    }
    head.collect(start + 4 * hour)
    let pauses = 0
    await merging.prepare(blocks.queriers(start, start + 4 * hour), async () => void pauses++)
    expect(pauses).toBeGreaterThan(0)
    const querier = merging.querier(blocks.queriers(start, start + 4 * hour), start + 4 * hour)
    compare(source, querier, model, start, start + 6 * hour)
    const hosts = [...new Set([...model.values()].map(({ labels }) => labels.find(([name]) => name === 'host')![1]))]
    expect(querier.labelValues('host', [])).toEqual(hosts.sort())
    expect(querier.labelNames([{ name: 'i', op: '=', value: '0' }])).toEqual(['__name__', 'host', 'i', 'text'])
  })

  it('tell labels and values, of all series or of some', async () => {
    const { blocks, model } = await twoBlocks(7)
    const querier = blocks.querier(blocks.metas[1]!.id)!
    const inside = [...within(model, start + 2 * hour, start + 4 * hour).values()].map(({ labels }) => new Map(labels))
    expect(querier.labelNames([])).toEqual(['__name__', 'host', 'i', 'text'])
    expect(querier.labelValues('i', [])).toEqual([...new Set(inside.map((one) => one.get('i')!))].sort())
    expect(querier.labelValues('i', [{ name: 'host', op: '=', value: 'h3' }])).toEqual(
      [...new Set(inside.filter((one) => one.get('host') === 'h3').map((one) => one.get('i')!))].sort(),
    )
    expect(querier.labelValues('nothing', [])).toEqual([])
  })

  it('a stretch without samples makes no block and leaves no file', async () => {
    const directory = folder()
    const head = openHead({ maxSeries: 10, retentionMs: Number.POSITIVE_INFINITY })
    head.append(head.series(named('a', {})) as number, start + 10, 1, false)
    expect(
      await cutBlock(
        head,
        openBlocks(directory),
        makerOf(directory),
        { id: newId(), from: start + 10, to: start + hour },
        turn,
      ),
    ).toBeNull()
    expect(readdirSync(directory)).toEqual([])
  })
})

describe('damaged blocks', () => {
  it.each(['json', 'index', 'chunks'])('with a cut %s file are set aside and named, the others serve', async (kind) => {
    const { directory, blocks } = await twoBlocks(8)
    const [first, second] = blocks.metas
    blocks.close()
    const file = path.join(directory, `${first!.id}.${kind}`)
    const bytes = readFileSync(file)
    for (const length of [0, 1, bytes.length >> 1, bytes.length - 2]) {
      writeFileSync(file, bytes.subarray(0, length))
      const again = openBlocks(directory)
      expect(again.damage).toEqual([expect.stringContaining(first!.id)])
      expect(again.metas).toEqual([second])
      for (const name of readdirSync(directory)) {
        if (!name.endsWith('.damaged')) continue
        const whole = path.join(directory, name.replace('.damaged', ''))
        writeFileSync(whole, readFileSync(path.join(directory, name)))
        rmSync(path.join(directory, name))
      }
      writeFileSync(file, bytes)
    }
  })

  it('flipped anywhere give fewer samples or none, never wrong ones and never an error', async () => {
    const { source, directory, blocks, model } = await twoBlocks(9)
    const [first] = blocks.metas
    blocks.close()
    const all: readonly Matcher[] = [{ name: '__name__', op: '=~', value: '.+' }]
    const textOf = ({ time, value, stale }: Sample): string => `${time} ${value} ${stale}`
    const right = new Map(
      [...within(model, start, start + 2 * hour)].map(([key, { samples }]) => [key, new Set(samples.map(textOf))]),
    )
    let noticed = 0
    for (let n = 0; n < 120; n++) {
      const file = path.join(directory, `${first!.id}.${source.pick(['index', 'chunks', 'json'])}`)
      const bytes = readFileSync(file)
      const hurt = Uint8Array.from(bytes)
      const at = source.integer(0, bytes.length - 1)
      hurt[at]! ^= 1 << source.integer(0, 7)
      writeFileSync(file, hurt)
      const again = openBlocks(directory)
      for (const querier of again.queriers(start, start + 2 * hour)) {
        for (const ref of querier.select(all)) {
          const held = right.get(JSON.stringify(querier.labels(ref)))!
          const wrong = read(querier, ref, start, start + 2 * hour).filter((one) => !held.has(textOf(one)))
          expect(wrong).toEqual([])
        }
      }
      if (again.damage.length > 0) noticed++
      again.close()
      for (const name of readdirSync(directory)) {
        if (!name.endsWith('.damaged')) continue
        writeFileSync(path.join(directory, name.replace('.damaged', '')), readFileSync(path.join(directory, name)))
        rmSync(path.join(directory, name))
      }
      writeFileSync(file, bytes)
    }
    // Only padding and white space may change unseen.
    expect(noticed).toBeGreaterThan(110)
  }, 30_000)

  it('left-overs of a writer that was killed, and parents of a merge that was, are removed', async () => {
    const { directory, blocks, source, model } = await twoBlocks(10)
    const parents = blocks.metas
    const kept = readdirSync(directory).map((name) => [name, readFileSync(path.join(directory, name))] as const)
    const merged = await mergeBlocks(blocks, makerOf(directory), parents, newId())
    blocks.close()
    for (const [name, bytes] of kept) writeFileSync(path.join(directory, name), bytes)
    const orphan = newId()
    writeFileSync(path.join(directory, `${orphan}.chunks`), 'half')
    writeFileSync(path.join(directory, `${orphan}.json.tmp-17`), 'half')
    const again = openBlocks(directory)
    expect(again.metas).toEqual([merged])
    expect(again.damage).toEqual([])
    expect(readdirSync(directory)).toHaveLength(3)
    compare(source, again.querier(merged!.id)!, model, start, start + 4 * hour, 20)
  })
})

describe('a meta record', () => {
  const meta = (n: number, width = 1): BlockMeta => ({
    version: 1,
    id: newId(),
    minTime: start + (n - width) * 2 * hour,
    maxTime: start + n * 2 * hour,
    level: 1,
    parents: [],
    series: 1,
    samples: 1,
    chunks: 1,
    chunkBytes: 600,
    indexBytes: 400,
  })
  it('comes back as it was, or not at all', () => {
    const bytes = encodeMeta(meta(1))
    expect(decodeMeta(bytes)).toEqual(decodeMeta(encodeMeta(decodeMeta(bytes)!)))
    expect(decodeMeta(bytes)).not.toBeNull()
    for (let at = 0; at < bytes.length * 8; at++) {
      const hurt = bytes.slice()
      hurt[at >> 3]! ^= 1 << (at & 7)
      const read = decodeMeta(hurt)
      if (read !== null) expect(read).toEqual(decodeMeta(bytes))
    }
  })

  // `start` lies on the grid of two hours; these stand for blocks by their number of two hours since some border of 54 hours.
  const border = Math.ceil(start / (54 * hour)) * 27 - start / (2 * hour)
  it.each([
    ['two of a stretch that may still grow', [1, 2], null],
    ['three that fill six hours', [1, 2, 3], [1, 2, 3]],
    ['two in six hours that are over', [1, 3, 4], [1, 3]],
    ['one alone', [1, 5], null],
  ] as [string, number[], number[] | null][])('plans the merge of %s', (_title, given, wanted) => {
    const metas = given.map((n) => meta(border + n))
    const plan = planMerge(metas, 2 * hour, 600 * hour)
    expect(plan?.map((one) => one.maxTime) ?? null).toEqual(wanted?.map((n) => start + (border + n) * 2 * hour) ?? null)
  })

  it('merges what was merged before into wider stretches, never wider than a tenth of the retention', () => {
    const metas = [meta(border + 3, 3), meta(border + 6, 3), meta(border + 9, 3)]
    expect(planMerge(metas, 2 * hour, 600 * hour)).toEqual(metas)
    expect(planMerge(metas, 2 * hour, 100 * hour)).toBeNull()
  })

  it.each([
    ['nothing', 100, null, 0],
    ['what is past the age', 3, null, 2],
    ['what passes the size', 100, 2500, 3],
    ['all but the newest', 0.1, 1, 4],
  ] as [string, number, number | null, number][])('plans the removal of %s', (_title, hours, maxBytes, count) => {
    const metas = [1, 2, 3, 4, 5].map((n) => meta(n))
    const gone = planRemoval(metas, start + 10 * hour + 1, hours * 2 * hour, maxBytes)
    expect(gone).toEqual(metas.slice(0, count))
  })
})

/** The model's samples of (from, to], without series that have none. */
function within(model: Model, from: number, to: number): Model {
  const out: Model = new Map()
  for (const [key, { labels, samples }] of model) {
    const inside = samples.filter((one) => one.time > from && one.time <= to)
    if (inside.length > 0) out.set(key, { labels, samples: inside })
  }
  return out
}
