// From a job and its addresses to what is scraped: one URL and one set of labels each. Labels that begin with two underscores steer the scrape and
// are not kept.

import type { Labels } from '../../core/sample/sample.ts'
import type { ScrapeJob, TargetGroup } from './scrape-config.ts'

export type TargetSpec = {
  /** Two specs with the same key are the same target. */
  readonly key: string
  readonly url: string
  /** Sorted; `job` and `instance` among them. */
  readonly labels: Labels
  readonly discovered: Readonly<Record<string, string>>
}

/** In order of their groups, each once. */
export function targetsOf(job: ScrapeJob, groups: readonly TargetGroup[]): readonly TargetSpec[] {
  const out = new Map<string, TargetSpec>()
  for (const group of groups) {
    for (const address of group.targets) {
      const spec = specOf(job, address, group.labels)
      if (!out.has(spec.key)) out.set(spec.key, spec)
    }
  }
  return [...out.values()]
}

function specOf(job: ScrapeJob, address: string, own: Readonly<Record<string, string>>): TargetSpec {
  const params = Object.entries(job.params)
  const discovered: Record<string, string> = {
    job: job.job_name,
    __scheme__: job.scheme,
    __metrics_path__: job.metrics_path,
    ...Object.fromEntries(
      params.flatMap(([name, [first]]) => (first === undefined ? [] : [[`__param_${name}`, first]])),
    ),
    ...own,
    __address__: address,
  }
  const url = new URL(`${discovered.__scheme__ === 'https' ? 'https' : 'http'}://${discovered.__address__}`)
  url.pathname = discovered.__metrics_path__!
  const prefix = '__param_'
  for (const [name, values] of params) for (const value of values.slice(1)) url.searchParams.append(name, value)
  for (const [name, value] of Object.entries(discovered))
    if (name.startsWith(prefix)) url.searchParams.append(name.slice(prefix.length), value)
  const kept = Object.entries({ instance: discovered.__address__!, ...discovered }).filter(
    ([name, value]) => !name.startsWith('__') && value !== '',
  )
  const labels = kept.sort((a, b) => (a[0] < b[0] ? -1 : 1)) as Labels
  return { key: `${url} ${JSON.stringify(labels)}`, url: url.href, labels, discovered }
}
