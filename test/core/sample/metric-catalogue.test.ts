// The catalogue: names that Prometheus takes and people can trust the units of, each in both languages, none twice.

import { describe, expect, it } from 'vitest'
import type { MetricUnit } from '../../../core/sample/metric.ts'
import { findMetric, metric, metricCatalogue } from '../../../core/sample/metric-catalogue.ts'

const suffix: Partial<Record<MetricUnit, string>> = {
  seconds: '_seconds',
  bytes: '_bytes',
  ratio: '_ratio',
  celsius: '_celsius',
  watts: '_watts',
  hertz: '_hertz',
  bytes_per_second: '_bytes_per_second',
}
/** Labels whose values come from the fleet's own closed sets; another one is a decision, not a slip. */
const knownLabels = new Set([...new Set(metricCatalogue.flatMap((one) => one.labels))])

describe('the catalogue', () => {
  it('holds no name twice', () => {
    const names = metricCatalogue.map((one) => one.name)
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([])
    expect(names.length).toBeGreaterThan(50)
  })

  it('holds no name that is a series of a histogram', () => {
    const series = metricCatalogue
      .filter((one) => one.type === 'histogram')
      .flatMap((one) => ['_bucket', '_sum', '_count'].map((end) => one.name + end))
    expect(metricCatalogue.filter((one) => series.includes(one.name))).toEqual([])
  })

  it('uses few labels, none of them one that grows without bound', () => {
    expect(
      [...knownLabels].filter((name) => /(?:^|_)(?:id|url|path|message|prompt|user|token|ip|request|pid)$/.test(name)),
    ).toEqual([])
    expect(knownLabels.size).toBeLessThanOrEqual(25)
  })

  describe.each(metricCatalogue.map((one) => [one.name, one] as const))('%s', (_name, one) => {
    it('is named as its type and unit say', () => {
      expect(one.name).toMatch(/^(?:inferward|inference)_[a-z0-9]+(?:_[a-z0-9]+)*$/)
      expect(one.name.endsWith('_total')).toBe(one.type === 'counter')
      const unit = suffix[one.unit]
      const stem = one.name.replace(/_total$/, '')
      if (unit !== undefined) expect(stem.endsWith(unit), `${one.name} is in ${one.unit}`).toBe(true)
      for (const [known, end] of Object.entries(suffix))
        if (stem.endsWith(end) && !(known === 'seconds' && one.unit === 'timestamp') && !stem.endsWith('_per_second'))
          expect(one.unit, `${one.name} ends in ${end}`).toBe(known)
    })

    it('says in both languages what it is', () => {
      expect(one.help.en).toMatch(/^[A-Z0-9].*[.)]$|^[a-z]+\/.*\.$/s)
      expect(one.help.zh).toMatch(/[\u4e00-\u9fff]/)
      expect(one.help.en).not.toMatch(/[\n\\]/)
    })

    it('has labels that are valid, each once, and left to it', () => {
      for (const name of one.labels) expect(name).toMatch(/^[a-z][a-z0-9_]*$/)
      expect(new Set(one.labels).size).toBe(one.labels.length)
      expect(one.labels).not.toContain('host')
      expect(one.labels).not.toContain('le')
    })

    it('has buckets exactly when it is a histogram, and they rise', () => {
      expect(one.buckets !== undefined).toBe(one.type === 'histogram')
      const buckets = one.buckets ?? []
      expect(
        buckets.every((bound, index) => Number.isFinite(bound) && (index === 0 || bound > buckets[index - 1]!)),
      ).toBe(true)
    })

    it('is found by its name, and by the names of its series when it is a histogram', () => {
      expect(metric(one.name)).toBe(one)
      expect(findMetric(one.name)).toBe(one)
      for (const end of ['_bucket', '_sum', '_count'])
        expect(findMetric(one.name + end)).toBe(one.type === 'histogram' ? one : undefined)
    })
  })

  it('knows nothing else', () => {
    expect(findMetric('inference_nothing')).toBeUndefined()
    expect(findMetric('constructor')).toBeUndefined()
    expect(() => metric('inference_nothing')).toThrow('inference_nothing is not in the catalogue')
  })
})
