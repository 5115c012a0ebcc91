// The server's own `/metrics` by prom-client. Names, types and help come from the catalogue; values are read from the rooms' `stats()` when
// somebody scrapes, so that no room needs to know Prometheus.

import { Gauge, Registry } from 'prom-client'
import { metric } from '../../core/sample/metric-catalogue.ts'

export type Reading = {
  readonly name: string
  readonly value: number
  readonly labels?: Readonly<Record<string, string>>
}

export type Metrics = {
  /** Called at each scrape; a reading whose value is NaN is left out: absent is not zero. */
  source(read: () => readonly Reading[]): void
  text(): Promise<string>
  readonly contentType: string
}

export function openMetrics(): Metrics {
  const sources: (() => readonly Reading[])[] = []

  /** prom-client's counters cannot be set; what rooms count themselves is shown by gauges of the right declared type. */
  const collect = async (): Promise<string> => {
    const registry = new Registry()
    const gauges = new Map<string, Gauge>()
    for (const read of sources) {
      for (const reading of read()) {
        if (Number.isNaN(reading.value)) continue
        const entry = metric(reading.name)
        let gauge = gauges.get(entry.name)
        if (gauge === undefined) {
          gauge = new Gauge({ name: entry.name, help: entry.help.en, labelNames: entry.labels, registers: [registry] })
          gauges.set(entry.name, gauge)
        }
        gauge.set({ ...reading.labels }, reading.value)
      }
    }
    const text = await registry.metrics()
    return text.replace(/^# TYPE (\S+) gauge$/gm, (line, name: string) =>
      metric(name).type === 'counter' ? `# TYPE ${name} counter` : line,
    )
  }

  return {
    source: (read) => void sources.push(read),
    text: collect,
    contentType: 'text/plain; version=0.0.4; charset=utf-8',
  }
}
