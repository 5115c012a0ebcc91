// From a job and its addresses to what is scraped: labels as they were found, rewritten by the rules of the job, then one URL and one set of labels
// each. Labels that begin with two underscores steer the scrape and are not kept.

import { formatDuration, tryParseDuration } from '../../core/base/duration.ts'
import { errorText } from '../../core/base/errors.ts'
import type { Labels } from '../../core/sample/sample.ts'
import { openRelabel } from './relabel.ts'
import { isAddress, type ScrapeJob, type TargetGroup } from './scrape-config.ts'

export type Discovered = Readonly<Record<string, string>>
export type TargetSpec = {
  /** Two specs with the same key are the same target. */
  readonly key: string
  readonly url: string
  /** Sorted; `job` and `instance` among them. */
  readonly labels: Labels
  readonly discovered: Discovered
  readonly intervalMs: number
  readonly timeoutMs: number
}
export type Targets = {
  /** In order of their groups, each once. */
  readonly active: readonly TargetSpec[]
  /** Those that the rules leave out. */
  readonly dropped: readonly Discovered[]
  /** What cannot be a target, in words. */
  readonly faults: readonly string[]
}
/** `source`: the file that the group stands in; left out: the configuration. */
export type FoundGroup = TargetGroup & { readonly source?: string }

export function openTargets(job: ScrapeJob): (groups: readonly FoundGroup[]) => Targets {
  const relabel = openRelabel(job.relabel_configs)
  return (groups) => {
    const active = new Map<string, TargetSpec>()
    const dropped: Discovered[] = []
    const faults: string[] = []
    for (const group of groups) {
      for (const address of group.targets) {
        const discovered = discover(job, group, address)
        const labels = new Map(Object.entries(discovered))
        if (relabel?.(labels) === false || (labels.get('__address__') ?? '') === '') {
          dropped.push(discovered)
          continue
        }
        try {
          const spec = specOf(job, labels, discovered)
          if (!active.has(spec.key)) active.set(spec.key, spec)
        } catch (error) {
          faults.push(`${address.slice(0, 200)}: ${errorText(error)}`)
        }
      }
    }
    return { active: [...active.values()], dropped, faults }
  }
}

function discover(job: ScrapeJob, group: FoundGroup, address: string): Discovered {
  const params = Object.entries(job.params).flatMap(([name, [first]]) =>
    first === undefined ? [] : [[`__param_${name}`, first]],
  )
  return {
    job: job.job_name,
    __scheme__: job.scheme,
    __metrics_path__: job.metrics_path,
    __scrape_interval__: formatDuration(job.scrape_interval),
    __scrape_timeout__: formatDuration(job.scrape_timeout),
    ...Object.fromEntries(params),
    ...group.labels,
    ...(group.source === undefined ? {} : { __meta_filepath: group.source }),
    __address__: address,
  }
}

function specOf(job: ScrapeJob, labels: ReadonlyMap<string, string>, discovered: Discovered): TargetSpec {
  const text = (name: string): string => labels.get(name) ?? ''
  const address = text('__address__')
  if (!isAddress(address)) throw new Error('not an address: host:port is needed, without scheme and path')
  const scheme = text('__scheme__')
  if (scheme !== 'http' && scheme !== 'https') throw new Error(`there is no scheme "${scheme.slice(0, 40)}"`)
  const intervalMs = durationOf('__scrape_interval__', text('__scrape_interval__'))
  const timeoutMs = durationOf('__scrape_timeout__', text('__scrape_timeout__'))
  if (timeoutMs > intervalMs) throw new Error('__scrape_timeout__ is longer than __scrape_interval__')

  const url = new URL(`${scheme}://${address}`)
  url.pathname = text('__metrics_path__')
  const prefix = '__param_'
  for (const [name, values] of Object.entries(job.params))
    for (const value of values.slice(1)) url.searchParams.append(name, value)
  for (const [name, value] of labels)
    if (name.startsWith(prefix)) url.searchParams.append(name.slice(prefix.length), value)

  const kept = [...labels].filter(([name, value]) => !name.startsWith('__') && value !== '')
  if (!labels.has('instance')) kept.push(['instance', address])
  const sorted = kept.sort((a, b) => (a[0] < b[0] ? -1 : 1)) as Labels
  const key = `${url} ${intervalMs} ${timeoutMs} ${JSON.stringify(sorted)}`
  return { key, url: url.href, labels: sorted, discovered, intervalMs, timeoutMs }
}

function durationOf(name: string, text: string): number {
  const ms = tryParseDuration(text)
  if (ms === undefined || ms <= 0) throw new Error(`${name} is no duration: "${text.slice(0, 40)}"`)
  return ms
}
