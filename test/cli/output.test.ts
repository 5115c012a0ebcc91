// What people and programs see: tables that stand straight in any script, and no byte of data that commands the terminal.

import { describe, expect, it } from 'vitest'
import { language, say } from '../../cli/language.ts'
import { ago, table, width } from '../../cli/output.ts'

describe('a table', () => {
  const columns = [
    { title: 'NAME', value: (row: { name: string }) => row.name },
    { title: 'N', value: (row: { name: string; n?: number | null }) => row.n ?? null },
    { title: 'LAST', value: () => 'x' },
  ]
  it('stands straight, also with wide characters, and has no blanks at the end of a line', () => {
    const text = table([{ name: 'a' }, { name: '引擎一', n: 12 }, { name: '🚀', n: 0 }], columns)
    const lines = text.split('\n')
    expect(lines).toEqual(['NAME    N   LAST', 'a       -   x', '引擎一  12  x', '🚀      0   x'])
    expect(new Set(lines.map((line) => width(line.replace(/(?:LAST|x)$/, '')))).size).toBe(1)
  })

  it('of nothing is its head, and of no columns is empty', () => {
    expect(table([], columns)).toBe('NAME  N  LAST')
    expect(table([{ name: 'a' }], [])).toBe('\n')
  })

  it('takes the rows of the largest fleet', () => {
    const rows = Array.from({ length: 200_000 }, (_, index) => ({ name: `e${index}` }))
    expect(table(rows, columns).split('\n')).toHaveLength(200_001)
  })

  it('keeps a row on its line and never hands the terminal a command', () => {
    const text = table(
      [{ name: 'a\nb\tc' }, { name: '\u001b[2J\u001b]0;owned\u0007' }, { name: '\u009b31m\r' }, { name: 'x\u202egnp' }],
      columns,
    )
    expect(text.split('\n')).toHaveLength(5)
    expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/u)
  })

  it.each([
    ['', 0],
    ['abc', 3],
    ['中文', 4],
    ['ｆｕｌｌ', 8],
    ['é', 1],
    ['e\u0301', 1],
    ['🚀', 2],
    ['한글', 4],
  ])('takes %j as %i columns', (text, columns) => {
    expect(width(text)).toBe(columns)
  })
})

describe('an age', () => {
  it.each([
    [0, '0s'],
    [-5000, '0s'],
    [119_000, '119s'],
    [120_000, '2m'],
    [7_199_000, '120m'],
    [7_200_000, '2h'],
    [172_799_000, '48h'],
    [172_800_000, '2d'],
  ])('of %i ms is %s', (ms, text) => {
    expect(ago(1_000_000, 1_000_000 + ms)).toBe(text)
  })

  it.each([
    [5000, '5 秒'],
    [120_000, '2 分'],
    [7_200_000, '2 小时'],
    [172_800_000, '2 天'],
  ])('of %i ms is %s in Chinese', (ms, text) => {
    expect(ago(0, ms, 'zh')).toBe(text)
  })
})

describe('the language', () => {
  it.each([
    [undefined, {}, 'en'],
    [undefined, { LANG: 'zh_CN.UTF-8' }, 'zh'],
    [undefined, { LC_ALL: '', LANG: 'zh_CN.UTF-8' }, 'zh'],
    [undefined, { LC_ALL: 'C', LANG: 'zh_CN.UTF-8' }, 'en'],
    [undefined, { LC_MESSAGES: 'zh_TW', LANG: 'en_US' }, 'zh'],
    [undefined, { INFERWARD_LANG: 'en', LC_ALL: 'zh_CN' }, 'en'],
    ['en', { LANG: 'zh_CN' }, 'en'],
    ['ZH', {}, 'zh'],
    ['fr', { LANG: 'zh_CN' }, 'en'],
  ] as const)('of flag %j and environment %j is %s', (flag, environment, expected) => {
    expect(language(flag, environment)).toBe(expected)
    expect(say(expected, { en: 'one', zh: '一' })).toBe(expected === 'en' ? 'one' : '一')
  })
})
