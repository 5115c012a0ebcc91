// A real Prometheus scrapes our federation page, and takes every series with its labels and its value.

import { describe, expect, it } from 'vitest'
import { ask, openWorld, scripted } from '../helpers/prometheus-world.ts'
import { installed, startPeer } from './prometheus-peer.ts'

describe.skipIf(!installed('prometheus'))('a Prometheus that federates us', () => {
  it('takes what was selected, its labels honoured', async () => {
    await using world = await openWorld({
      series: scripted([
        'up{job="api",instance="a:1"} 1@0',
        'load{text="a\\"b\\\\c"} Inf@5',
        'tiny 1e-7@5',
        '{"my.metric","a.b"="c"} -2.5@5',
        'left_out 1@0',
        'gone 1@30 stale@10',
      ]),
    })
    await using peer = await startPeer(
      'prometheus',
      `
scrape_configs:
  - job_name: federate
    scrape_interval: 1s
    honor_labels: true
    # The samples are of another year than this one.
    honor_timestamps: false
    metrics_path: /federate
    params: { "match[]": ['{__name__=~"up|load|tiny|my.metric|gone"}'] }
    static_configs: [{ targets: ["${new URL(world.url).host}"] }]
`,
    )
    const values = async (query: string) => {
      const answer = await ask(peer.url, `/api/v1/query?${new URLSearchParams({ query }).toString()}`)
      const { result } = answer.json().data as {
        readonly result: readonly { readonly metric: object; readonly value: readonly [number, string] }[]
      }
      return result.map(({ metric, value }) => [metric, value[1]])
    }
    const until = performance.now() + 30_000
    while ((await values('tiny')).length === 0) {
      if (performance.now() > until) throw new Error('nothing was scraped in time')
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    expect(await values('up{job="api"}')).toEqual([[{ __name__: 'up', instance: 'a:1', job: 'api' }, '1']])
    expect(await values('load')).toEqual([[{ __name__: 'load', job: 'federate', text: 'a"b\\c' }, '+Inf']])
    expect(await values('tiny')).toEqual([[{ __name__: 'tiny', job: 'federate' }, '1e-07']])
    expect(await values('my_metric')).toEqual([[{ __name__: 'my_metric', a_b: 'c', job: 'federate' }, '-2.5']])
    expect(await values('{__name__=~"left_out|gone"}')).toEqual([])
    expect(await values('scrape_samples_scraped{job="federate"}')).toEqual([[expect.anything(), '4']])
  })
})
