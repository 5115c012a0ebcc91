// Reading queries: what is accepted and how it prints back, what is refused and where the message points.

import { describe, expect, it } from 'vitest'
import { isInferwardError } from '../../../core/base/errors.ts'
import { parseQuery } from '../../../core/promql/parser.ts'
import { printNode } from '../../../core/promql/print.ts'

const all = { experimental: true }
const printed = (text: string): string => printNode(parseQuery(text, all))

function refusal(text: string, options = all): string {
  try {
    parseQuery(text, options)
  } catch (error) {
    if (isInferwardError(error) && error.code === 'promql.parse') return error.message
    throw error
  }
  return 'accepted'
}

describe('a query', () => {
  it.each([
    ['1_000', '1000'],
    ['0x1F', '31'],
    ['017', '15'],
    ['.5e-3', '0.0005'],
    ['+Inf', '+Inf'],
    ['-nan', 'NaN'],
    ['1h30m', '1h30m'],
    ['-2 ^ 2', '-2 ^ 2'],
    ['2 ^ 3 ^ 2', '2 ^ 3 ^ 2'],
    ['up', 'up'],
    ['sum', 'sum'],
    ['offset', 'offset'],
    ['{"metric.name", "label.name"="x"}', '{"label.name"="x",__name__="metric.name"}'],
    ["{__name__='up'}", '{__name__="up"}'],
    ['up{b="2",a="1",}', 'up{a="1",b="2"}'],
    ['up{a=~"x|y",b!~"z"} offset -5m @ 12.5', 'up{a=~"x|y",b!~"z"} @ 12.500 offset -5m'],
    ['up @ start()', 'up @ start()'],
    ['rate(up[5m] offset 1m)', 'rate(up[5m] offset 1m)'],
    ['max_over_time(up[1h:] @ end())', 'max_over_time(up[1h:] @ end())'],
    ['(up + 1)[1h:30s]', '(up + 1)[1h:30s]'],
    ['SUM(up) BY (job)', 'sum by (job) (up)'],
    ['sum without () (up)', 'sum without () (up)'],
    ['topk(3, up)', 'topk(3, up)'],
    ['a / on(job) group_left(x) b', 'a / on (job) group_left (x) b'],
    ['a + ignoring() b', 'a + b'],
    ['a > bool b', 'a > bool b'],
    ['a and on() b or c', 'a and on () b or c'],
    ['a + fill(0) b', 'a + fill (0) b'],
    ['a + on(x) fill_left(1) fill_right(-2) b', 'a + on (x) fill_left (1) fill_right (-2) b'],
    ['a offset (1h / 2)', 'a offset (1h / 2)'],
    ['rate(a[step() * 2 + 1m])', 'rate(a[step() * 2 + 1m])'],
    ['rate(a[5m] smoothed)', 'rate(a[5m] smoothed)'],
    ['"a\\tb\\u00e9\\x41"', '"a\\tbéA"'],
    ['`a\\b`', '"a\\\\b"'],
    ['up # trailing\n + # more\n 1', 'up + 1'],
    ['{on="x", by="y"}', '{by="y",on="x"}'],
  ])('%s reads as %s, and again as itself', (text, wanted) => {
    expect(printed(text)).toBe(wanted)
    expect(printed(wanted)).toBe(wanted)
  })

  it.each([
    ['', 'unknown position: parse error: no expression found in input'],
    ['# nothing', '1:1: parse error: no expression found in input'],
    ['1 +', '1:4: parse error: unexpected end of input'],
    ['up\n  )', "2:4: parse error: unexpected right parenthesis ')'"],
    ['(1', '1:3: parse error: unclosed left parenthesis'],
    ['up up', '1:4: parse error: unexpected identifier "up"'],
    ['1 1', '1:3: parse error: unexpected number "1"'],
    ['sum(up) by job', '1:12: parse error: unexpected identifier "job" in grouping opts, expected "("'],
    ['sum', 'accepted'],
    ['sum()', '1:1: parse error: no arguments for aggregate expression provided'],
    ['topk(up)', '1:1: parse error: wrong number of arguments for aggregate expression provided, expected 2, got 1'],
    ['topk("x", up)', '1:6: parse error: expected type scalar in aggregation parameter, got string'],
    ['count_values(1, up)', '1:14: parse error: expected type string in aggregation parameter, got scalar'],
    ['{}', '1:1: parse error: vector selector must contain at least one non-empty matcher'],
    ['{a=~".*"}', '1:1: parse error: vector selector must contain at least one non-empty matcher'],
    ['up{__name__="x"}', '1:1: parse error: metric name must not be set twice: "up" or "x"'],
    ['up{a}', '1:5: parse error: unexpected "}" in label matching, expected label matching operator'],
    ['up{a=1}', "1:6: parse error: unexpected character inside braces: '1'"],
    ['up{a="b"', '1:9: parse error: unexpected end of input inside braces'],
    ['up{a="b" c="d"}', '1:10: parse error: unexpected identifier "c" in label matching, expected "," or "}"'],
    ['up{a=~"("}', '1:4: parse error: error parsing regexp: missing closing ): `(`'],
    ['rate(up)', '1:6: parse error: expected type range vector in call to function "rate", got instant vector'],
    ['rate(up[5m], 1)', '1:1: parse error: expected 1 argument(s) in call to "rate", got 2'],
    ['round()', '1:1: parse error: expected at least 1 argument(s) in call to "round", got 0'],
    ['hour(up, up)', '1:1: parse error: expected at most 1 argument(s) in call to "hour", got 2'],
    ['nope(up)', '1:1: parse error: unknown function with name "nope"'],
    ['abs(up,)', '1:7: parse error: trailing commas not allowed in function call args'],
    ['1 == 1', '1:3: parse error: comparisons between scalars must use BOOL modifier'],
    ['up + bool up', '1:4: parse error: bool modifier can only be used on comparison operators'],
    ['up and 1', '1:1: parse error: set operator "and" not allowed in binary scalar expression'],
    ['up + on(a) 1', '1:1: parse error: vector matching only allowed between instant vectors'],
    ['a and on(x) group_left b', '1:1: parse error: no grouping allowed for "and" operation'],
    ['a + on(x) group_left(x) b', '1:3: parse error: label "x" must not occur in ON and GROUP clause at once'],
    ['a + up[5m]', '1:5: parse error: binary expression must contain only scalar and instant vector types'],
    [
      '-up[5m]',
      '1:1: parse error: unary expression only allowed on expressions of type scalar or instant vector, got "range vector"',
    ],
    ['up[5m][1h:]', '1:1: parse error: subquery is only allowed on instant vector, got matrix instead'],
    ['(up)[5m]', '1:5: parse error: ranges only allowed for vector selectors'],
    ['up offset 1m [5m]', '1:14: parse error: no offset modifiers allowed before range'],
    ['up @ 1 [5m]', '1:8: parse error: no @ modifiers allowed before range'],
    ['up[0s]', '1:4: parse error: duration must be greater than 0'],
    ['up[-1m]', '1:4: parse error: duration must be greater than 0'],
    ['up[1m1h]', '1:4: parse error: not a valid duration string: "1m1h"'],
    ['up[5m', '1:6: parse error: unclosed left bracket'],
    [
      'up[]',
      '1:4: parse error: unexpected "]" in subquery or range selector, expected number, duration, step(), or range()',
    ],
    ['up[5m/0]', '1:6: parse error: division by zero'],
    ['up offset 1m offset 2m', '1:1: parse error: offset may not be set multiple times'],
    [
      '(1) offset 1m',
      '1:1: parse error: offset modifier must be preceded by an instant vector selector or range vector selector or a subquery',
    ],
    ['up @ 1 @ 2', '1:1: parse error: @ <timestamp> may not be set multiple times'],
    ['up @ up', '1:6: parse error: unexpected identifier "up" in @, expected timestamp'],
    ['up @ Inf', '1:1: parse error: timestamp out of bounds for @ modifier: Inf'],
    ['"x', '1:1: parse error: unterminated quoted string'],
    ['`x', '1:1: parse error: unterminated raw string'],
    ['"\\q"', "1:2: parse error: unknown escape sequence U+0071 'q'"],
    ['1foo', '1:1: parse error: bad number or duration syntax: "1"'],
    ['up ! up', "1:4: parse error: unexpected character after '!': ' '"],
    ['up =~ "x"', "1:4: parse error: unexpected character after '=': '~'"],
    ['up ~ up', "1:4: parse error: unexpected character: '~'"],
    ['on', '1:1: parse error: unexpected <on>'],
    ['by(up)', '1:3: parse error: unexpected "("'],
    ['avg(up down)', '1:8: parse error: unexpected identifier "down" in aggregation'],
    ['up{"a" "b"}', '1:8: parse error: unexpected string "\\"b\\"" in label matching, expected "," or "}"'],
    ['1e', '1:1: parse error: error parsing number: strconv.ParseFloat: parsing "1e": invalid syntax'],
    ['1mild', '1:1: parse error: bad number or duration syntax: "1mi"'],
    ['up[5m:1m:1m]', "1:9: parse error: unexpected colon ':'"],
    ['up[x]', "1:4: parse error: unexpected character in duration expression: 'x'"],
    ['sum by (1) (up)', '1:9: parse error: unexpected number "1" in grouping opts, expected label'],
  ])('%j is told: %s', (text, wanted) => {
    expect(refusal(text)).toBe(wanted)
  })

  it.each([
    ['limitk(1, up)', '1:1: parse error: limitk() is experimental and not enabled'],
    ['mad_over_time(up[5m])', '1:1: parse error: function "mad_over_time" is not enabled'],
    ['up smoothed', '1:1: parse error: smoothed modifier is experimental and not enabled'],
    ['a + fill(0) b', '1:5: parse error: binop fill modifiers are experimental and not enabled'],
    ['first_over_time(up[5m])', 'accepted'],
    ['up[5m * 2]', 'accepted'],
  ])('%s without experimental features is told: %s', (text, wanted) => {
    expect(refusal(text, { experimental: false })).toBe(wanted)
  })

  it.each([
    ['parentheses', '('.repeat(100_000)],
    ['closed parentheses', `${'('.repeat(100_000)}1${')'.repeat(100_000)}`],
    ['signs', `${'-'.repeat(100_000)}1`],
    ['operators in a row', `1${'+1'.repeat(100_000)}`],
    ['powers in a row', `1${'^1'.repeat(100_000)}`],
    ['calls', `${'abs('.repeat(100_000)}up${')'.repeat(100_000)}`],
    ['subqueries', `up${'[5m:]'.repeat(100_000)}`],
    ['parentheses in a duration', `up[${'('.repeat(100_000)}`],
    ['label matchers', `up{${'a="b",'.repeat(50_000)}}`],
    ['characters', ' '.repeat(2_000_000)],
  ])('with a hundred thousand %s is refused, not a crash', (_what, text) => {
    expect(refusal(text)).toMatch(/^1:\d+: parse error: /)
  })
})
