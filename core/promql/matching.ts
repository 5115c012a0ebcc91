// What may stand between a binary operator and its right side: bool, on/ignoring, group_left/group_right, fill.

import { type Matching, setOperators } from './ast.ts'
import { secondsOf } from './durations.ts'
import { parseError } from './errors.ts'
import type { TokenReader } from './token-reader.ts'

export function defaultMatching(op: string): Matching {
  const card = setOperators.has(op) ? 'many-to-many' : 'one-to-one'
  return { on: false, labels: [], card, include: [], fillLeft: null, fillRight: null }
}

export function readMatching(
  reader: TokenReader,
  op: string,
  experimental: boolean,
): { bool: boolean; matching: Matching | null } {
  const bool = reader.isWord('bool')
  if (bool) reader.next()
  let matching: Matching | null = null
  if (reader.isWord('on', 'ignoring')) {
    const on = reader.next().text.toLowerCase() === 'on'
    matching = { ...defaultMatching(op), on, labels: readLabelList(reader) }
    if (reader.isWord('group_left', 'group_right')) {
      const card = reader.next().text.toLowerCase() === 'group_left' ? 'many-to-one' : 'one-to-many'
      matching = { ...matching, card, include: reader.is('(') ? readLabelList(reader) : [] }
    }
  }
  return { bool, matching: readFill(reader, op, matching, experimental) }
}

function readFill(reader: TokenReader, op: string, given: Matching | null, experimental: boolean): Matching | null {
  let matching = given
  for (;;) {
    const word = reader.peek()
    const open = reader.peek(1)
    // `fill` may as well be the name of the metric on the right side.
    if (!reader.isWord('fill', 'fill_left', 'fill_right') || open.kind !== 'op' || open.text !== '(') return matching
    const side = word.text.toLowerCase()
    const base = matching ?? defaultMatching(op)
    if (side !== 'fill_right' && base.fillLeft !== null) throw reader.unexpected('')
    if (side !== 'fill_left' && base.fillRight !== null) throw reader.unexpected('')
    reader.next()
    if (!experimental)
      throw parseError(reader.text, word.start, 'binop fill modifiers are experimental and not enabled')
    const value = readFillValue(reader)
    matching = {
      ...base,
      fillLeft: side === 'fill_right' ? base.fillLeft : value,
      fillRight: side === 'fill_left' ? base.fillRight : value,
    }
  }
}

function readFillValue(reader: TokenReader): number {
  reader.expect('(', '')
  const negative = reader.is('-')
  if (negative || reader.is('+')) reader.next()
  const token = reader.peek()
  let value: number
  if (token.kind === 'number' || token.kind === 'duration') value = secondsOf(token, reader.text)
  else if (reader.isWord('inf')) value = Number.POSITIVE_INFINITY
  else if (reader.isWord('nan')) value = Number.NaN
  else throw reader.unexpected('')
  reader.next()
  reader.expect(')', '', '')
  return negative ? -value : value
}

export function readLabelList(reader: TokenReader): readonly string[] {
  reader.expect('(', 'grouping opts')
  const labels: string[] = []
  while (!reader.is(')')) {
    const token = reader.peek()
    if (token.kind !== 'name' && token.kind !== 'string') throw reader.unexpected('grouping opts', 'label')
    reader.next()
    if (token.text === '')
      throw parseError(reader.text, token.start, `invalid label name for grouping: ${JSON.stringify(token.text)}`)
    labels.push(token.text)
    if (!reader.take(',')) break
  }
  reader.expect(')', 'grouping opts', '"," or ")"')
  return labels
}
