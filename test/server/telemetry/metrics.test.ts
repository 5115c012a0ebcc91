// The server's own page: names, types and help from the catalogue, absent is not zero, and what it shows can be read back.

import { describe, expect, it } from 'vitest'
import { silentLog } from '../../../core/base/log.ts'
import { parseText } from '../../../core/sample/text.ts'
import { openMetrics } from '../../../server/telemetry/metrics.ts'
import { openTracing } from '../../../server/telemetry/tracing.ts'

describe('the metrics page', () => {
  it('shows every reading under its declared type, each once, the newest value', async () => {
    const metrics = openMetrics()
    let frames = 1
    metrics.source(() => [
      { name: 'inferward_ingest_frames_total', value: frames },
      { name: 'inferward_server_info', value: 1, labels: { version: 'a"b\\c\nd' } },
    ])
    metrics.source(() => [
      { name: 'inferward_store_series', value: Number.NaN },
      { name: 'inferward_session_open', value: 0 },
    ])
    frames = 5
    const rows: unknown[] = []
    const types: string[] = []
    parseText(await metrics.text(), {
      sample: (name, labels, value) => rows.push([name, Object.fromEntries(labels), value]),
      type: (name, type) => types.push(`${name} ${type}`),
    })
    expect(rows).toEqual([
      ['inferward_ingest_frames_total', {}, 5],
      ['inferward_server_info', { version: 'a"b\\c\nd' }, 1],
      ['inferward_session_open', {}, 0],
    ])
    expect(types).toEqual([
      'inferward_ingest_frames_total counter',
      'inferward_server_info gauge',
      'inferward_session_open gauge',
    ])
  })

  it('is a fault of the code when a name or a label is not in the catalogue', async () => {
    const unknown = openMetrics()
    unknown.source(() => [{ name: 'inferward_nothing', value: 1 }])
    await expect(unknown.text()).rejects.toThrow('inferward_nothing is not in the catalogue')
    const label = openMetrics()
    label.source(() => [{ name: 'inferward_session_open', value: 1, labels: { user: 'x' } }])
    await expect(label.text()).rejects.toThrow('user')
  })

  it('of nothing is empty', async () => {
    expect((await openMetrics().text()).trim()).toBe('')
  })
})

describe('traces', () => {
  it.each([undefined, ''])('without an endpoint (%j) just run the work, its failure included', async (endpoint) => {
    const tracing = await openTracing({ endpoint, version: '1', log: silentLog })
    expect(await tracing.span('x', async () => 5)).toBe(5)
    await expect(tracing.span('x', () => Promise.reject(new Error('no')))).rejects.toThrow('no')
    await tracing.stop()
  })
})
