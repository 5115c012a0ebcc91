// What came of unit tests of rules, as a person reads it: one block a failure, one line a file.

import { formatDuration } from '../../core/base/duration.ts'
import type { Failure, FileOutcome } from '../../core/rules/unit-test/outcome.ts'
import { type Language, say } from '../language.ts'

const mostShown = 10

export function outcomeText(outcome: FileOutcome, lang: Language): string {
  const { file, tests, passed, failures, skipped, warnings } = outcome
  const blocks = [
    ...warnings.map((words) => `${file}: ${say(lang, { en: 'warning', zh: '警告' })}: ${words}`),
    ...skipped.map(({ line, column, test, subject, reason }) => {
      const words = say(lang, { en: 'skipped', zh: '跳过' })
      return `${file}:${line}:${column}: ${words}: ${test}: ${subject} (${reason})`
    }),
    ...failures.map((failure) => failureText(failure, lang)),
  ]
  const counts = { tests, passed, failed: failures.length, skipped: skipped.length }
  const verdict = say(lang, {
    en: `${file}: ${failures.length === 0 ? 'passed' : 'FAILED'}: ${counts.tests} tests; of their checks ${counts.passed} hold, ${counts.failed} do not, ${counts.skipped} were skipped`,
    zh: `${file}:${failures.length === 0 ? '通过' : '失败'}:${counts.tests} 个测试;检查成立 ${counts.passed}、不成立 ${counts.failed}、跳过 ${counts.skipped}`,
  })
  return `${[...blocks, verdict].join('\n')}\n`
}

function failureText(
  { file, line, column, test, kind, subject, at, expected, got, why }: Failure,
  lang: Language,
): string {
  const moment = at === null ? '' : say(lang, { en: ` at ${formatDuration(at)}`, zh: `,时刻 ${formatDuration(at)}` })
  const head = `${file}:${line}:${column}: ${test === '' ? '' : `${test}: `}${say(lang, kinds[kind])}${subject}${moment}`
  // A check that could not be made has nothing to compare.
  if (expected.length === 0 && got.length === 0) return head
  return [
    head,
    ...list(say(lang, { en: 'expected', zh: '期望' }), expected, lang),
    ...list(say(lang, { en: 'got', zh: '实际' }), got, lang),
    ...why.map((words) => `    ${say(lang, words)}`),
  ].join('\n')
}

const kinds = {
  load: { en: '', zh: '' },
  series: { en: '', zh: '' },
  rule: { en: '', zh: '' },
  query: { en: 'query ', zh: '查询 ' },
  alert: { en: 'alert ', zh: '告警 ' },
} as const

function list(title: string, rows: readonly string[], lang: Language): readonly string[] {
  const shown = rows.length === 0 ? [say(lang, { en: 'nothing', zh: '无' })] : rows.slice(0, mostShown)
  const more = rows.length - mostShown
  if (more > 0) shown.push(say(lang, { en: `and ${more} more`, zh: `另有 ${more} 条` }))
  return [`    ${title}`, ...shown.map((row) => `      ${row.replaceAll('\n', '\n      ')}`)]
}
