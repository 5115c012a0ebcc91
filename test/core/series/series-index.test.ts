import { describe, expect, it } from 'vitest'
import { matcherTest } from '../../../core/series/matcher-test.ts'
import type { Labels, Matcher } from '../../../core/series/seam.ts'
import { openSeriesIndex } from '../../../core/series/series-index.ts'
import { random } from '../../helpers/random.ts'

const labels = (record: Record<string, string>): Labels => Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1))
const matcher = (name: string, op: Matcher['op'], value: string): Matcher => ({ name, op, value })

describe('the index of series', () => {
  const index = openSeriesIndex()
  const refs = [
    { __name__: 'up', host: 'a', gpu: '0' },
    { __name__: 'up', host: 'a', gpu: '1' },
    { __name__: 'up', host: 'b' },
    { __name__: 'down', host: 'b' },
  ].map((record) => index.add(labels(record)))

  it.each([
    ['one value', [matcher('__name__', '=', 'up')], [0, 1, 2]],
    ['two labels', [matcher('__name__', '=', 'up'), matcher('host', '=', 'a')], [0, 1]],
    ['a value nobody has', [matcher('host', '=', 'c')], []],
    ['a name nobody has', [matcher('rack', '=', 'x')], []],
    ['not a value, absent ones too', [matcher('gpu', '!=', '0')], [1, 2, 3]],
    ['an empty value means absent', [matcher('gpu', '=', '')], [2, 3]],
    ['not empty means present', [matcher('gpu', '!=', '')], [0, 1]],
    ['a regular expression', [matcher('host', '=~', 'a|c')], [0, 1]],
    ['one that is no list of words', [matcher('gpu', '=~', '[1-9]')], [1]],
    ['one that the empty text matches', [matcher('gpu', '=~', '1?')], [1, 2, 3]],
    ['not a regular expression', [matcher('gpu', '!~', '.+')], [2, 3]],
    ['a plain prefix', [matcher('__name__', '=~', 'u.+')], [0, 1, 2]],
    ['a prefix that needs more than the value has', [matcher('__name__', '=~', 'up.+')], []],
    [
      'a prefix that may be all of it, and another label',
      [matcher('__name__', '=~', 'up.*'), matcher('gpu', '=', '1')],
      [1],
    ],
    ['anything', [matcher('host', '=~', '.*')], [0, 1, 2, 3]],
    ['nothing asked', [], [0, 1, 2, 3]],
  ])('selects by %s', (_title, matchers, wanted) => {
    expect([...index.select(matchers)]).toEqual(wanted.map((at) => refs[at]))
  })

  it('finds a set again and no part of it', () => {
    expect(index.find(labels({ __name__: 'up', host: 'b' }))).toBe(refs[2])
    expect(index.find(labels({ __name__: 'up' }))).toBe(-1)
    expect(index.find(labels({ __name__: 'up', host: 'up' }))).toBe(-1)
    expect(index.labels(refs[1]!)).toEqual(labels({ __name__: 'up', host: 'a', gpu: '1' }))
  })

  it('names labels and their values', () => {
    expect(index.names()).toEqual(['__name__', 'gpu', 'host'])
    expect(index.values('host')).toEqual(['a', 'b'])
    expect(index.values('rack')).toEqual([])
    expect(index.cardinality('host', 'a')).toBe(2)
  })
})

it('agrees with a plain list over series that come and go, and leaves nothing behind', () => {
  const source = random(7)
  const index = openSeriesIndex()
  const living = new Map<number, Labels>()
  const byText = new Map<string, number>()
  const made = (): Labels =>
    labels({
      __name__: `m${source.integer(0, 3)}`,
      host: `h${source.integer(0, 40)}`,
      ...(source.uniform() < 0.5 ? { gpu: String(source.integer(0, 7)) } : {}),
    })
  for (let turn = 0; turn < 20_000; turn++) {
    const set = made()
    const known = index.find(set)
    const text = JSON.stringify(set)
    expect(known).toBe(byText.get(text) ?? -1)
    if (known < 0) {
      const ref = index.add(set)
      living.set(ref, set)
      byText.set(text, ref)
    } else if (source.uniform() < 0.7) {
      index.remove(known)
      living.delete(known)
      byText.delete(text)
    }
    if (turn % 500 !== 0) continue
    const host = `h${source.integer(0, 40)}`
    const wanted = [...living].filter(([, one]) => one.some(([name, value]) => name === 'host' && value === host))
    expect([...index.select([matcher('host', '=', host)])]).toEqual(wanted.map(([ref]) => ref).sort((a, b) => a - b))
    expect(index.size).toBe(living.size)
  }
  for (const ref of living.keys()) index.remove(ref)
  expect(index.size).toBe(0)
  expect(index.names()).toEqual([])
  expect(index.bound).toBeLessThan(1500)
})

describe('a matcher as a question', () => {
  it.each([
    ['=~', 'a|b', 'a', true],
    ['=~', 'a|b', 'ab', false],
    ['=~', 'a|', '', true],
    ['=~', '', '', true],
    ['=~', '', 'x', false],
    ['=~', '.*', 'a\nb', true],
    ['=~', '.+', '', false],
    ['=~', 'a.b', 'a\nb', true],
    ['=~', 'a.c', 'xabc', false],
    ['!~', 'a|b', 'a', false],
    ['=~', '(?i)GPU', 'gpu', true],
  ] as const)('%s %j of %j is %s', (op, pattern, value, answer) => {
    expect(matcherTest(matcher('x', op, pattern))(value)).toBe(answer)
  })
})
