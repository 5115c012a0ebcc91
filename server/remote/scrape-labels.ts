// Labels of one series of a page: joined with those of its target, rewritten by the rules of the job, and held against its limits.

import type { Labels } from '../../core/sample/sample.ts'
import { openRelabel } from './relabel.ts'
import type { ScrapeJob } from './scrape-config.ts'

/** Labels to keep; null: the rules drop the series; words: why the page cannot be taken. */
export type SeriesLabels = (name: string, labels: Labels) => Labels | null | string

export function openSeriesLabels(job: ScrapeJob, target: Labels): SeriesLabels {
  const relabel = openRelabel(job.metric_relabel_configs)
  return (name, labels) => {
    const all = withTarget(name, labels, target, job.honor_labels)
    if (relabel?.(all) === false) return null
    const kept = sorted([...all].filter(([, value]) => value !== ''))
    if (!kept.some(([key]) => key === '__name__'))
      return 'a series is left without a metric name by metric_relabel_configs'
    return isPastLimit(job, kept)
      ? `a series has more or longer labels than the limits of job ${job.job_name} allow`
      : kept
  }
}

/** Where page and target name the same label, the target's stays, and the page's is `exported_…`; or the page's, where it is honoured. */
function withTarget(name: string, labels: Labels, target: Labels, honor: boolean): Map<string, string> {
  const all = new Map<string, string>([['__name__', name], ...labels])
  for (const [key, value] of target) {
    const own = all.get(key)
    if (own !== undefined && !honor) {
      let moved = `exported_${key}`
      while (all.has(moved)) moved = `exported_${moved}`
      all.set(moved, own)
    }
    if (own === undefined || !honor) all.set(key, value)
  }
  return all
}

export const sorted = (labels: Labels): Labels => [...labels].sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0))

/** 0 is no limit. */
function isPastLimit(job: ScrapeJob, labels: Labels): boolean {
  const longer = (text: string, limit: number): boolean => limit > 0 && text.length > limit
  if (job.label_limit > 0 && labels.length > job.label_limit) return true
  return labels.some(
    ([name, value]) => longer(name, job.label_name_length_limit) || longer(value, job.label_value_length_limit),
  )
}
