// Matchers as people write them: two grammars, one meaning, and the text that goes into group keys.

import { describe, expect, it } from 'vitest'
import { matcher, parseMatchers } from '../../../server/dispatch/matcher.ts'
import { labelsText, type MatcherText, matchersText } from '../../../server/dispatch/matcher-text.ts'

const read = (input: string): readonly MatcherText[] | string => {
  const parsed = parseMatchers(input)
  return parsed.ok ? parsed.value.map(({ name, op, value }) => ({ name, op, value })) : parsed.fault
}
const one = (name: string, op: MatcherText['op'], value: string): MatcherText => ({ name, op, value })

describe('matchers', () => {
  it.each([
    { input: '{}', gives: [] },
    { input: '', gives: [] },
    { input: 'foo=bar', gives: [one('foo', '=', 'bar')] },
    { input: '{foo="bar",}', gives: [one('foo', '=', 'bar')] },
    { input: ' { foo != "bar" , a =~ "x|y" } ', gives: [one('foo', '!=', 'bar'), one('a', '=~', 'x|y')] },
    { input: 'foo!~".*"', gives: [one('foo', '!~', '.*')] },
    { input: 'foo=""', gives: [one('foo', '=', '')] },
    { input: 'foo="a,b",c=d', gives: [one('foo', '=', 'a,b'), one('c', '=', 'd')] },
    { input: '"名称"="引擎",地区=上海', gives: [one('名称', '=', '引擎'), one('地区', '=', '上海')] },
    { input: 'foo="\\u00e9\\t\\xe4\\xb8\\xad"', gives: 'classic' },
    { input: '"foo bar"="\\u00e9\\t\\xe4\\xb8\\xad"', gives: [one('foo bar', '=', 'é\t中')] },
    { input: 'foo="a\\"b\\\\c\\n"', gives: [one('foo', '=', 'a"b\\c\n')] },
    // Only the classic grammar reads these.
    { input: 'foo=a=b', gives: [one('foo', '=', 'a=b')] },
    { input: 'foo=~[a-z]{2}b', gives: [one('foo', '=~', '[a-z]{2}b')] },
    { input: 'foo=~"\\d+"', gives: [one('foo', '=~', '\\d+')] },
    { input: 'foo=', gives: [one('foo', '=', '')] },
    { input: '{foo=bar', gives: [one('foo', '=', 'bar')] },
    { input: 'foo=bar baz', gives: [one('foo', '=', 'bar baz')] },
  ])('reads $input', ({ input, gives }) => {
    if (gives === 'classic') expect(read(input)).toEqual([one('foo', '=', '\\u00e9\\t\\xe4\\xb8\\xad')])
    else expect(read(input)).toEqual(gives)
  })

  it.each([
    { input: 'foo', words: 'an operator is expected' },
    { input: '=bar', words: 'a label name is expected' },
    { input: 'foo=bar,,a=b', words: 'a label name is expected' },
    { input: '"a b"=c=d', words: 'a comma is expected' },
    { input: '"a b"="c', words: 'the closing double quote is missing' },
    { input: '"a b"="\\q"', words: 'unknown escape \\q' },
    { input: '"a b"="\\xff"', words: 'do not give valid UTF-8' },
    { input: '"a b"=c}', words: 'a closing brace without an opening one' },
    { input: '{"a b"=c', words: 'a closing brace is expected' },
    { input: '{"a b"=c} d', words: 'nothing more is expected here' },
    { input: 'a~b', words: 'must stand in double quotes' },
    { input: 'foo=~"("', words: 'not a regular expression' },
  ])('refuses $input with words', ({ input, words }) => {
    expect(read(input)).toContain(words)
  })

  it.each([
    { text: one('a', '=', 'x'), labels: { a: 'x' }, holds: true },
    { text: one('a', '!=', 'x'), labels: {}, holds: true },
    { text: one('a', '=', ''), labels: {}, holds: true },
    { text: one('a', '=~', 'x|y'), labels: { a: 'xz' }, holds: false },
    { text: one('a', '=~', 'x|y'), labels: { a: 'y' }, holds: true },
    { text: one('a', '=~', '.+'), labels: {}, holds: false },
    { text: one('a', '!~', 'x.*'), labels: { a: 'xyz' }, holds: false },
    { text: one('toString', '=', ''), labels: {}, holds: true },
  ])('$text.name$text.op"$text.value" over $labels is $holds', ({ text, labels, holds }) => {
    const made = matcher(text)
    expect(made.ok && made.value.matches(labels as Record<string, string>)).toBe(holds)
  })

  it('writes matchers and labels in the form of Alertmanager keys', () => {
    expect(matchersText([one('b', '=~', 'x|y'), one('a', '=', 'q"\\\n'), one('c d', '=', 'e')])).toBe(
      '{a="q\\"\\\\\\n",b=~"x|y","c d"="e"}',
    )
    expect(labelsText({ b: '2', a: 'q"\t\u0001' })).toBe('{a="q\\"\\t\\x01", b="2"}')
  })

  it('reads its own text back to the same matchers', () => {
    const all = [one('a', '=', 'x "y" \\ \n'), one('名 称', '!~', '(?i)a,b{2}'), one('z', '!=', '')]
    expect(read(matchersText(all))).toEqual([...all].sort((x, y) => (x.name < y.name ? -1 : 1)))
  })
})
