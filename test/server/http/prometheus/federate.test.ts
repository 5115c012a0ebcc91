// Federation: a page that another server scrapes, read back here by our own reader of such pages.

import { describe, expect, it } from 'vitest'
import { parseText } from '../../../../core/sample/text.ts'
import { pageOf } from '../../../../server/http/prometheus/federate.ts'
import { now, openWorld, scripted } from '../../../helpers/prometheus-world.ts'

const series = scripted([
  'up{job="a",instance="x"} 1@60 1@30',
  'up{job="b"} NaN@10',
  'load{text="a\\"b\\\\c"} Inf@5',
  'old 1@400',
  'gone 1@30 stale@10',
  '{"my.metric","a.b"="c"} -0@5',
])
const at = (ago: number) => (now - ago) * 1000

describe('federation', () => {
  it('shows the newest sample of each series with its own time, once, by metric', async () => {
    await using world = await openWorld({ series, externalLabels: { job: 'outer', region: 'r1' } })
    const answer = await world.get('/federate', [
      ['match[]', 'up'],
      ['match[]', '{__name__=~".+"}'],
    ])
    expect([answer.status, answer.headers['content-type']]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8'])
    expect(answer.text).toBe(
      [
        '# TYPE load untyped',
        `load{instance="",job="outer",region="r1",text="a\\"b\\\\c"} +Inf ${at(5)}`,
        '# TYPE my_metric untyped',
        `my_metric{a_b="c",instance="",job="outer",region="r1"} -0 ${at(5)}`,
        '# TYPE up untyped',
        `up{instance="x",job="a",region="r1"} 1 ${at(30)}`,
        `up{instance="",job="b",region="r1"} NaN ${at(10)}`,
        '',
      ].join('\n'),
    )
    const read: unknown[] = []
    parseText(answer.text, { sample: (name, _labels, value, time) => read.push([name, value, time]) })
    expect(read).toContainEqual(['up', 1, at(30)])
    expect(read).toHaveLength(4)
  })

  it('gives names as they are to whoever reads UTF-8', async () => {
    await using world = await openWorld({ series })
    const accept = 'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8'
    const answer = await world.get('/federate', { 'match[]': '{"my.metric"}' }, { headers: { accept } })
    expect(answer.headers['content-type']).toBe('text/plain; version=1.0.0; charset=utf-8; escaping=allow-utf-8')
    expect(answer.text).toBe(`# TYPE "my.metric" untyped\n{"my.metric","a.b"="c",instance=""} -0 ${at(5)}\n`)
  })

  it('is empty where nothing matches, and refused without or with a wrong selector', async () => {
    await using world = await openWorld({ series })
    const empty = await world.get('/federate', { 'match[]': 'nothing' })
    expect([empty.status, empty.text]).toEqual([200, ''])
    expect((await world.get('/federate')).status).toBe(400)
    expect((await world.get('/federate', { 'match[]': '{' })).status).toBe(400)
    expect((await world.post('/federate', { 'match[]': 'up' })).status).toBe(405)
  })

  it('writes line feeds and names that begin with a digit so that a page stays a page', () => {
    const labels = [
      ['__name__', '9lives'],
      ['a', 'x\ny'],
    ] as const
    expect([...pageOf([{ labels, time: 1, value: 1e21 }], {}, false)].join('')).toBe(
      '# TYPE _9lives untyped\n_9lives{a="x\\ny",instance=""} 1e+21 1\n',
    )
  })
})
