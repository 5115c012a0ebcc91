// Matchers as people type them in a shell.

import { describe, expect, it } from 'vitest'
import { matcherOf } from '../../cli/verb/silence.ts'

describe('a matcher on the command line', () => {
  it.each([
    ['alertname=HostDown', ['alertname', 'HostDown', false, true]],
    ['host=~gpu-.*|cpu', ['host', 'gpu-.*|cpu', true, true]],
    ['team!=x', ['team', 'x', false, false]],
    ['team!~"x|y"', ['team', 'x|y', true, false]],
    ['a = "b c"', ['a', 'b c', false, true]],
    ['"名 称"=值', ['名 称', '值', false, true]],
    ['a=', ['a', '', false, true]],
    ['a=b=c', ['a', 'b=c', false, true]],
  ])('%s is read', (text, [name, value, isRegex, isEqual]) => {
    expect(matcherOf(text)).toEqual({ name, value, isRegex, isEqual })
  })

  it.each(['alertname', '=x', 'a="b', '', '{a=b}'])('%j is refused', (text) => {
    expect(() => matcherOf(text)).toThrow(`not a matcher: ${text}`)
  })
})
