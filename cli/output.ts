// Data on stdout, words on stderr. A table for people, one JSON array for programs; both from the same rows.

import { type Language, say, type Words } from './language.ts'

export type OutputFormat = 'table' | 'json'

export type Column<T> = { readonly title: string; readonly value: (row: T) => string | number | null }

export function table<T>(rows: readonly T[], columns: readonly Column<T>[]): string {
  const cells = rows.map((row) => columns.map((column) => plain(String(column.value(row) ?? '-'))))
  const widths = columns.map((column, index) =>
    // Not spread into Math.max: the rows of a large fleet are more than a call may have arguments.
    cells.reduce((widest, line) => Math.max(widest, width(line[index]!)), width(column.title)),
  )
  const line = (texts: readonly string[]): string =>
    texts
      .map((text, index) => (index === texts.length - 1 ? text : text + ' '.repeat(widths[index]! - width(text))))
      .join('  ')
      .trimEnd()
  return [line(columns.map((column) => column.title)), ...cells.map(line)].join('\n')
}

/** Names come from other hosts: what would move the cursor, colour the screen or turn the reading direction is shown as a mark. */
function plain(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, '\ufffd')
}

const wide =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u
const narrowest = /\p{Mn}|\p{Me}|[\u200b-\u200d]/u

/** Columns a terminal gives the text: CJK and other wide characters take two, marks over a letter none. */
export function width(text: string): number {
  let columns = 0
  for (const character of text) columns += narrowest.test(character) ? 0 : wide.test(character) ? 2 : 1
  return columns
}

export function print<T>(rows: readonly T[], columns: readonly Column<T>[], format: OutputFormat, empty: string): void {
  if (format === 'json') process.stdout.write(`${JSON.stringify(rows, null, 2)}\n`)
  else if (rows.length === 0) process.stderr.write(`${empty}\n`)
  else process.stdout.write(`${table(rows, columns)}\n`)
}

/** `5s`, `3m`, `2h`, `4d`; in Chinese `5 秒` and so on. */
export function ago(at: number, now: number, lang: Language = 'en'): string {
  const seconds = Math.max(0, Math.round((now - at) / 1000))
  const [count, unit]: readonly [number, Words] =
    seconds < 120
      ? [seconds, { en: 's', zh: ' 秒' }]
      : seconds < 7200
        ? [Math.round(seconds / 60), { en: 'm', zh: ' 分' }]
        : seconds < 172_800
          ? [Math.round(seconds / 3600), { en: 'h', zh: ' 小时' }]
          : [Math.round(seconds / 86_400), { en: 'd', zh: ' 天' }]
  return `${count}${say(lang, unit)}`
}
