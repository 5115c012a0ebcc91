// promtool, Prometheus' own client, against our server: what it asks it gets, in words it prints; what it checks of our pages it finds in order.

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openMetrics } from '../../server/telemetry/metrics.ts'
import { now, openWorld, scripted, type World } from '../helpers/prometheus-world.ts'
import { installed, promtool } from './prometheus-peer.ts'

describe.skipIf(!installed('promtool'))('promtool', () => {
  let world: World
  beforeAll(async () => {
    world = await openWorld({
      series: scripted([
        'up{job="a",instance="x"} 1@60 0@30 1@0',
        'up{job="b"} NaN@60 Inf@0',
        'load{job="b"} 1e-7@0',
        'plain 5@0',
      ]),
    })
  })
  afterAll(() => world?.[Symbol.asyncDispose]())
  const run = async (...args: readonly string[]) => {
    const { status, out, err } = await promtool(args)
    expect([err, status]).toEqual(['', 0])
    return out
  }

  it('asks at one moment', async () => {
    const at = `--time=${now}`
    expect(await run('query', 'instant', at, world.url, 'up')).toBe(
      `up{instance="x", job="a"} => 1 @[${now}]\nup{job="b"} => +Inf @[${now}]\n`,
    )
    expect(await run('query', 'instant', at, world.url, '1+1')).toBe(`scalar: 2 @[${now}]\n`)
    expect(await run('query', 'instant', at, world.url, 'load')).toBe(`load{job="b"} => 0.0000001 @[${now}]\n`)
    expect(await run('query', 'instant', at, world.url, 'up{job="a"}[40s]')).toBe(
      `up{instance="x", job="a"} =>\n0 @[${now - 30}]\n1 @[${now}]\n`,
    )
  })

  it('asks over a range', async () => {
    const range = [`--start=${now - 60}`, `--end=${now}`, '--step=30s']
    expect(await run('query', 'range', ...range, world.url, 'up{job="a"}')).toBe(
      `up{instance="x", job="a"} =>\n1 @[${now - 60}]\n0 @[${now - 30}]\n1 @[${now}]\n`,
    )
  })

  it('lists series and labels', async () => {
    const span = [`--start=${now - 600}`, `--end=${now}`]
    expect(await run('query', 'series', '--match=up', '--match=load', ...span, world.url)).toBe(
      '{__name__="up", instance="x", job="a"}\n{__name__="up", job="b"}\n{__name__="load", job="b"}\n',
    )
    expect(await run('query', 'labels', ...span, world.url, 'job')).toBe('a\nb\n')
    expect(await run('query', 'labels', ...span, world.url, '__name__')).toBe('load\nplain\nup\n')
  })

  it('reads JSON as well', async () => {
    const out = await run('query', 'instant', '--format=json', `--time=${now}`, world.url, 'plain')
    expect(JSON.parse(out)).toEqual([{ metric: { __name__: 'plain' }, value: [now, '5'] }])
  })

  it('prints the words of a query that is wrong, and ends with 1', async () => {
    const { status, err } = await promtool(['query', 'instant', world.url, 'sum('])
    expect(status).toBe(1)
    expect(err).toContain('bad_data: invalid parameter "query": 1:5: parse error')
  })

  it('finds our federation page and our own metrics in order', async () => {
    const page = await world.get('/federate', { 'match[]': '{__name__=~".+"}' })
    expect(page.text).toContain('# TYPE up untyped')
    const metrics = openMetrics()
    metrics.source(() => Object.entries(world.readings()).map(([name, value]) => ({ name, value })))
    metrics.source(() => [{ name: 'inferward_server_info', value: 1, labels: { version: '0.1.0' } }])
    // A federation page has no help texts, which the checker would like: of ours, nothing but that.
    const federated = await promtool(['check', 'metrics'], page.text)
    expect(federated.err.split('\n').filter((line) => line !== '' && !/no help text/.test(line))).toEqual([])
    const own = await promtool(['check', 'metrics'], await metrics.text())
    expect([own.err, own.status]).toEqual(['', 0])
  })
})
