// Every recorded case again: outputs and words of errors are those of Go, character for character.

import { describe, expect, it } from 'vitest'
import { readCorpus, recorded, replay } from './corpus.ts'

describe.each(['language', 'prometheus', 'alertmanager', 'html', 'random'])('of the recorded cases %s', (name) => {
  const { cases, data } = readCorpus(name)

  it.each(cases.map((one, index) => [index + 1, one.text, one] as const))('%i: %s', (_index, _text, one) => {
    expect(replay(one, data)).toBe(recorded(one))
  })
})

describe("of what upstream's own tests show", () => {
  const { cases } = readCorpus('upstream')

  it.each(cases.map((one) => [one.set, one.shows, one] as const))('%s: %s', (_set, _shows, one) => {
    expect(replay(one, null)).toBe(recorded(one))
  })

  it('no case is missing: 89 of Prometheus without two of native histograms, 58 of Alertmanager', () => {
    const count = (set: string): number => cases.filter((one) => one.set === set).length
    expect([count('prometheus'), count('alertmanager')]).toEqual([87, 58])
  })
})
