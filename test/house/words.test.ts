// No words for a person in one language only: pairs have both, sentences of events and faults of the command line have their twin in a book.

import * as path from 'node:path'
import { describe, expect, it } from 'vitest'
import { failureInChinese } from '../../cli/phrases.ts'
import { phraseBook } from '../../core/base/phrases.ts'
import { inChinese } from '../../core/event/phrases.ts'
import { sourceFiles } from './imports.ts'
import { pairs, type Sentence, sentences } from './words.ts'

const root = path.resolve(import.meta.dirname, '../..')
const where = ({ file, line, text }: Sentence): string => `${file}:${line}: ${text}`

describe('words', () => {
  it('in English and Chinese stand side by side, each in its language', () => {
    const faults = sourceFiles(root, ['core', 'agent', 'server', 'cli']).flatMap((file) => pairs(root, file))
    expect(faults.map(({ at, fault }) => `${at}: ${fault}`)).toEqual([])
  })

  it('that agents and server write into events have a Chinese twin', () => {
    // Where the details, evidence and reasons of events are made.
    const makers = [
      'core/repair/exit-cause.ts',
      'core/repair/liveness.ts',
      'agent/engine/engine.ts',
      'agent/engine/life.ts',
      'agent/engine/probe.ts',
      'agent/engine/checks.ts',
      'agent/control/control.ts',
      'agent/control/journal.ts',
      'server/app.ts',
      'server/db/ledger.ts',
    ]
    const notEvents =
      /^(?:(?:deps\.|options\.)?log\.\w+\(\)|import|hint|process\.stderr\.write\(\)|(?:job\.)?received\(\)|tokens?\.\w+\(\))$/
    const untold = makers
      .flatMap((file) => sentences(root, file))
      .filter(({ inside }) => !inside.some((name) => notEvents.test(name)))
      // Refusals of the server to whoever asks it over HTTP.
      .filter(({ file, inside }) => !(file.startsWith('server/') && inside.includes('message')))
      // A verdict to the server on a command: a code with its reason, no event.
      .filter(({ text }) => !/^(?:refused: |already known)/.test(text) && inChinese(text) === null)
    expect(untold.map(where)).toEqual([])
  })

  it('by which the command line says what failed have a Chinese twin', () => {
    const untold = sourceFiles(root, ['cli'])
      .flatMap((file) => sentences(root, file))
      .filter(({ inside }) => inside.some((name) => /^(?:message|hint|Error\(\))$/.test(name)))
      .filter(({ text, inside }) => !inside.includes('en') && failureInChinese(text.replaceAll('"7"', '"x"')) === null)
    expect(untold.map(where)).toEqual([])
  })

  it('that the command line prints are never in one language only', () => {
    // Help is in English; faults were looked at above.
    const elsewhere =
      /^(?:en|zh|import|message|hint|Error\(\)|code|prompt|cause|what|.*\.(?:description|option|requiredOption|argument|showHelpAfterError)\(\)|program\(\)|phraseBook\(\)|outputOption)$/
    const untold = sourceFiles(root, ['cli'])
      .flatMap((file) => sentences(root, file))
      .filter(({ inside }) => !inside.some((name) => elsewhere.test(name.replace(/\s+/g, ' '))))
    expect(untold.map(where)).toEqual([])
  })
})

describe('the book', () => {
  it.each([
    ['ended by SIGKILL', '被 SIGKILL 终止'],
    ['no progress for 61.5 s (limit 60 s)', '61.5 秒没有进展(时限 60 秒)'],
    ['3 probes in a row failed: no answer within 5000 ms', '连续 3 次探测失败:5000 毫秒内没有回答'],
    ['3 probes in a row failed: of a kind nobody knows', '连续 3 次探测失败:of a kind nobody knows'],
    ['the journal could not be written: the command journal is full', '命令日志无法写入:命令日志已满'],
  ])('says %j as %j', (english, chinese) => {
    expect(inChinese(english)).toBe(chinese)
  })

  it.each([
    'ended by SIGKILL and more',
    'assertion failed: n > 0',
    '',
    'ended by',
    'exit code x',
  ])('does not guess at %j', (text) => {
    expect(inChinese(text)).toBeNull()
  })

  it('takes characters of patterns and of replacements as they are', () => {
    const book = phraseBook([
      ['cost (in $): %t', '费用($):%1'],
      ['a.b', 'c'],
    ])
    expect(book('cost (in $): $1 $& %1')).toBe('费用($):$1 $& %1')
    expect(book('axb')).toBeNull()
  })

  it('is done with a text that nests without an end, and with one of any length', () => {
    const book = phraseBook([['a %t', '甲 %1']])
    expect(book(`${'a '.repeat(2000)}b`)).toMatch(/^甲 甲 甲 甲 甲 a a a/)
    expect(book('a '.repeat(10_000))).toBeNull()
  })
})
