// The store with scraping and sending around it, over loopback: what is scraped, written and made by rules reaches another server of ours.

import { describe, expect, it } from 'vitest'
import { parseConfig } from '../../../core/base/config.ts'
import { encodeWriteRequest } from '../../../core/sample/remote-write.ts'
import { sample } from '../../../core/sample/sample.ts'
import { serverConfig, withGlobal } from '../../../server/config.ts'
import { openWorld } from '../../helpers/prometheus-world.ts'
import { exporter, remoteWorld } from '../../helpers/remote-world.ts'

describe('the store with others around it', () => {
  it.each([
    'prometheus.WriteRequest',
    'io.prometheus.write.v2.Request',
  ])('sends on what it scraped, what was written to it, and what its rules made, as %s', async (message) => {
    await using there = await openWorld()
    // The other side refuses what lies far ahead: its clock stands.
    await there.clock.advance(Math.max(0, Date.now() - there.clock.now()))
    await using target = await exporter(() => 'metric{a="b"} 5\n')
    await using remote = await remoteWorld(`
server: { external_labels: { site: s1 } }
global: { external_labels: { planet: p1 } }
scrape_configs: [{ job_name: j, scrape_interval: 1s, static_configs: [{ targets: ['${target.address}'] }] }]
remote_write: [{ name: there, url: "${there.url}/api/v1/write", protobuf_message: ${message}, queue_config: { batch_send_deadline: 100ms } }]
`)
    const { store, readings, targets } = remote
    await store.append(new Uint8Array(encodeWriteRequest([sample('written', {}, Date.now(), 1)])).buffer)
    const seen = async (query: string): Promise<string> => {
      await there.clock.advance(Math.max(0, Date.now() - there.clock.now()))
      return (await there.get('/api/v1/query', { query })).text
    }
    for (const [query, words] of [
      ['metric', `{"__name__":"metric","a":"b","instance":"${target.address}","job":"j","planet":"p1","site":"s1"}`],
      ['written', '{"__name__":"written","planet":"p1","site":"s1"}'],
      ['made', '{"__name__":"made","planet":"p1","site":"s1"}'],
    ] as const) {
      await expect.poll(() => seen(query), { timeout: 20_000 }).toContain(words)
    }
    expect(targets()).toMatchObject([{ job: 'j', health: 'up' }])
    const sent = readings().find(({ name }) => name === 'inferward_remote_write_sent_total')
    expect(sent).toMatchObject({ labels: { remote: 'there' } })
    expect(sent!.value).toBeGreaterThan(3)
  })

  it('shows what it scrapes, and what its rules leave out, as Prometheus does', async () => {
    await using target = await exporter(() => 'metric 5\n')
    const { address } = target
    await using remote = await remoteWorld(`
scrape_configs:
  - job_name: a job
    scrape_interval: 1s
    static_configs: [{ targets: ['${address}', '127.0.0.1:1', 'unwanted:1'] }]
    relabel_configs: [{ source_labels: [__address__], regex: 'unwanted:.*', action: drop }]
`)
    const { targets, dropped } = remote
    await using world = await openWorld({ targets, dropped })
    await expect.poll(() => targets().map(({ health }) => health), { timeout: 20_000 }).toEqual(['up', 'down'])
    const { data } = (await world.get('/api/v1/targets', { scrapePool: 'a job' })).json() as unknown as {
      data: { activeTargets: readonly Record<string, unknown>[] } & Record<string, unknown>
    }
    expect(data.activeTargets).toMatchObject([
      {
        discoveredLabels: { __address__: address, __metrics_path__: '/metrics', __scheme__: 'http', job: 'a job' },
        labels: { instance: address, job: 'a job' },
        scrapePool: 'a job',
        scrapeUrl: `http://${address}/metrics`,
        lastError: '',
        health: 'up',
        scrapeInterval: '1s',
        scrapeTimeout: '1s',
      },
      { health: 'down', lastError: expect.stringContaining('ECONNREFUSED') },
    ])
    expect(data).toMatchObject({
      droppedTargets: [{ discoveredLabels: { __address__: 'unwanted:1' }, scrapePool: 'a job' }],
      droppedTargetCounts: { 'a job': 1 },
    })
    expect((await world.get('/api/v1/scrape_pools')).json().data).toEqual({ scrapePools: ['agent', 'a job'] })
  })
})

describe('the configuration file', () => {
  const read = (text: string) => withGlobal(parseConfig({ file: 'server.yml', text, schema: serverConfig }))

  it('takes what global says of evaluation and labels', () => {
    const text = 'global: { evaluation_interval: 7s, external_labels: { a: b } }\nserver: { external_labels: { c: d } }'
    expect(read(text)).toMatchObject({ evaluation_interval: 7000, server: { external_labels: { a: 'b', c: 'd' } } })
    expect(read('evaluation_interval: 9s')).toMatchObject({ evaluation_interval: 9000 })
  })

  it('refuses a label that is said twice in different ways', () => {
    const text = 'global: { external_labels: { a: b } }\nserver: { external_labels: { a: c } }'
    expect(() => read(text)).toThrow('global.external_labels.a: server.external_labels has another "a"')
  })

  it.each([
    ['127.0.0.1:9700', 'http://127.0.0.1:9700/api/v1/write', true],
    ['127.0.0.1:9700', 'http://localhost:9700/api/v1/write', true],
    ['0.0.0.0:9700', 'http://localhost:9700/api/v1/write', true],
    ['10.0.0.1:9700', 'http://10.0.0.1:9700/api/v1/write', true],
    ['0.0.0.0:80', 'http://127.0.0.1/api/v1/write', true],
    ['10.0.0.1:9700', 'http://127.0.0.1:9700/api/v1/write', false],
    ['127.0.0.1:9700', 'http://127.0.0.1:9090/api/v1/write', false],
    ['127.0.0.1:9700', 'http://metrics.example.com:9700/api/v1/write', false],
  ])('of a server at %s that sends to %s: refused %s', (listen, url, refused) => {
    const text = `server: { listen: "${listen}" }\nremote_write: [{ url: "${url}" }]`
    if (refused) expect(() => read(text)).toThrow('remote_write[0].url: this is the server itself')
    else expect(read(text).remote_write).toHaveLength(1)
  })
})
