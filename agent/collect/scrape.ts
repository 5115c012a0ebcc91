// Reads an engine's `/metrics`: bounded in time and size, labels added, and series that were there before and are not now get a staleness
// mark, so that nobody computes with the past.

import { errorText } from '../../core/base/errors.ts'
import { labelsOf, type SeriesSamples } from '../../core/sample/sample.ts'
import { maxTextBytes, parseText } from '../../core/sample/text.ts'

export type Scrape = { readonly series: readonly SeriesSamples[]; readonly error: string | null }

export type Scraper = { scrape(now: number): Promise<Scrape> }

export function engineScraper(options: {
  readonly url: string
  readonly labels: Readonly<Record<string, string>>
  readonly timeoutMs: number
}): Scraper {
  let known = new Map<string, SeriesSamples['labels']>()

  const finish = (current: Map<string, SeriesSamples>, now: number, error: string | null): Scrape => {
    const series = [...current.values()]
    for (const [key, labels] of known) {
      if (!current.has(key)) series.push({ labels, times: [now], values: [0], stale: [true] })
    }
    known = new Map([...current].map(([key, one]) => [key, one.labels]))
    return { series, error }
  }

  return {
    async scrape(now) {
      const current = new Map<string, SeriesSamples>()
      try {
        const response = await fetch(`${options.url}/metrics`, { signal: AbortSignal.timeout(options.timeoutMs) })
        if (!response.ok) throw new Error(`HTTP ${response.status}`)
        parseText(await boundedText(response), {
          sample(name, pairs, value) {
            const labels = labelsOf(name, { ...Object.fromEntries(pairs), ...options.labels })
            current.set(JSON.stringify(labels), { labels, times: [now], values: [value] })
          },
        })
        return finish(current, now, null)
      } catch (error) {
        // Half a page is no page: what was read of it is dropped with the rest.
        return finish(new Map(), now, errorText(error))
      }
    },
  }
}

async function boundedText(response: Response): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const part of response.body ?? []) {
    text += decoder.decode(part as Uint8Array, { stream: true })
    if (text.length > maxTextBytes) throw new Error(`page larger than ${maxTextBytes} bytes`)
  }
  return text + decoder.decode()
}
