// The compliance suite of the Prometheus project against a live Prometheus: the same samples written to both, the same range queries asked of
// both, the same answers demanded. The peer is of the 2.x line; what its successors changed on purpose is listed here by name.

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encodeWriteRequest } from '../../core/sample/remote-write.ts'
import { ask, now, openWorld, type World } from '../helpers/prometheus-world.ts'
import { complianceQueries, demoSeries, slices } from './compliance-queries.ts'
import { installed, type PeerServer, startPeer, versionOf } from './prometheus-peer.ts'

const queries = complianceQueries()
const tolerance = 1e-6
const fromMs = (now - 140 * 60) * 1000
/** Three seconds off, so that the grid of no subquery touches the end of its range. */
const span = { start: String(now - 63 * 60 + 3), end: String(now - 3 * 60 + 3), step: '10' }

/** What 3.x answers differently on purpose, with the upstream test that says so. */
const changed: Readonly<Record<string, string>> = {
  // Any UTF-8 text is a label name since 3.0: only bytes that are no UTF-8 are refused still.
  'label_replace(demo_num_cpus, "~invalid", "", "src", "(.*)")': 'promqltest/functions.test: label_replace to "\\xff"',
  'label_join(demo_num_cpus, "~invalid", "-", "instance")': 'promqltest/functions.test: label_replace to "\\xff"',
}

type Series = {
  readonly metric: Readonly<Record<string, string>>
  readonly values: readonly (readonly [number, string])[]
}
type Outcome = { readonly status: number; readonly series: ReadonlyMap<string, Series['values']> }

describe.skipIf(queries === null || !installed('prometheus'))('the compliance suite', () => {
  let world: World
  let peer: PeerServer
  beforeAll(async () => {
    process.stdout.write(`peer: ${versionOf('prometheus')}\n`)
    const series = demoSeries(fromMs, now * 1000)
    world = await openWorld({ series })
    peer = await startPeer('prometheus')
    for (const slice of slices(series, 600_000)) {
      const answer = await ask(peer.url, '/api/v1/write', {
        method: 'POST',
        headers: { 'content-type': 'application/x-protobuf', 'x-prometheus-remote-write-version': '0.1.0' },
        body: Buffer.from(encodeWriteRequest(slice)),
      })
      expect([answer.status, answer.text]).toEqual([204, ''])
    }
  })
  afterAll(async () => {
    await peer?.[Symbol.asyncDispose]()
    await world?.[Symbol.asyncDispose]()
  })

  const outcome = async (url: string, query: string): Promise<Outcome> => {
    const pairs = new URLSearchParams({ query, ...span })
    const answer = await ask(url, `/api/v1/query_range?${pairs.toString()}`)
    const rows = answer.status === 200 ? (answer.json().data as { result: readonly Series[] }).result : []
    const keyOf = (metric: Series['metric']): string => JSON.stringify(Object.entries(metric).sort())
    return { status: answer.status, series: new Map(rows.map(({ metric, values }) => [keyOf(metric), values])) }
  }

  it('expands to 539 queries over series that are all there', async () => {
    expect(queries).toHaveLength(539)
    for (const { url } of [world, peer]) {
      const found = await outcome(url, 'count({__name__=~"demo_.+"})')
      expect([...found.series.values()].flat().length).toBe(361)
    }
  })

  it('would notice a value, a point or a series too many', async () => {
    const theirs = await outcome(peer.url, '-demo_num_cpus')
    expect(differenceOf(await outcome(world.url, '-demo_num_cpus'), theirs)).toBeNull()
    expect(differenceOf(await outcome(world.url, '-demo_num_cpus * 1.00001'), theirs)).toContain('not -4')
    expect(
      differenceOf(await outcome(world.url, '-demo_num_cpus and on() vector(time()) > 1767222000'), theirs),
    ).toContain('points')
    expect(differenceOf(await outcome(world.url, '-demo_num_cpus{instance!~".*0"}'), theirs)).toContain('no series')
    expect(differenceOf(await outcome(world.url, 'sum(demo_num_cpus)'), theirs)).not.toBeNull()
  })

  it('is answered as Prometheus answers it', async () => {
    const differences: string[] = []
    let failing = 0
    let empty = 0
    for (const { query, shouldFail } of queries!) {
      const [ours, theirs] = [await outcome(world.url, query), await outcome(peer.url, query)]
      const difference = differenceOf(ours, theirs)
      if (theirs.status !== 200) failing++
      else if (theirs.series.size === 0) empty++
      if (shouldFail && ours.status === 200) differences.push(`${query}: should fail`)
      else if (difference !== null) differences.push(`${query}: ${difference}`)
    }
    process.stdout.write(
      `compliance: ${queries!.length} queries, ${queries!.length - differences.length} agree (${failing} by failing, ${empty} by an empty answer), ${differences.length} differ\n`,
    )
    expect(differences.filter((line) => !Object.keys(changed).some((query) => line.startsWith(`${query}: `)))).toEqual(
      [],
    )
    expect(Object.keys(changed).filter((query) => !differences.some((line) => line.startsWith(`${query}: `)))).toEqual(
      [],
    )
    // Ranges of one second hold no two samples, and some metrics are not there on purpose.
    expect(empty).toBeLessThan(60)
  })
})

function differenceOf(ours: Outcome, theirs: Outcome): string | null {
  if (ours.status !== theirs.status) return `status ${ours.status}, not ${theirs.status}`
  for (const key of theirs.series.keys()) if (!ours.series.has(key)) return `no series ${key}`
  for (const [key, values] of ours.series) {
    const wanted = theirs.series.get(key)
    if (wanted === undefined) return `series ${key} is not theirs`
    if (wanted.length !== values.length) return `${key}: ${values.length} points, not ${wanted.length}`
    for (const [index, [time, value]] of values.entries()) {
      const [at, right] = wanted[index]!
      if (at !== time) return `${key}: a point at ${time}, not at ${at}`
      if (!alike(value, right)) return `${key} at ${time}: ${value}, not ${right}`
    }
  }
  return null
}

function alike(ours: string, theirs: string): boolean {
  if (ours === theirs) return true
  const [a, b] = [Number(ours), Number(theirs)]
  return Math.abs(a - b) <= tolerance * Math.max(Math.abs(a), Math.abs(b))
}
