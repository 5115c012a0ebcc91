// Every recorded case again: outputs and words of errors are those of Go, character for character.

import { describe, expect, it } from 'vitest'
import { readCorpus, recorded, replay } from './corpus.ts'

describe.each(['language', 'prometheus', 'alertmanager', 'random'])('of the recorded cases %s', (name) => {
  const { cases, data } = readCorpus(name)

  it.each(cases.map((one, index) => [index + 1, one.text, one] as const))('%i: %s', (_index, _text, one) => {
    expect(replay(one, data)).toBe(recorded(one))
  })
})
