// Does a query of a unit test give what is expected, and if not, why not: the nearest series, what its selectors find, its values around that time.

import { errorText } from '../../base/errors.ts'
import { parseLabelSet } from '../../promql/series-notation.ts'
import { type LabelRecord, labelKey, toRecord } from '../labels.ts'
import { goExponent } from '../number.ts'
import type { TestContext, Verdict } from './context.ts'
import { type Failure, seriesText, type Words } from './outcome.ts'
import type { QueryCheck } from './test-file.ts'
import { nearest, selectorWords, valuesAround } from './why.ts'

type Sample = { readonly labels: LabelRecord; readonly value: number }

export function checkQuery(context: TestContext, check: QueryCheck): Verdict {
  const { test, world, fuzzy } = context
  const time = test.startMs + check.evalMs
  const fail = (subject: string, parts: Partial<Failure>): Verdict => {
    const { file } = context
    const what = { file, ...check.place, test: test.name, kind: 'query', subject, at: check.evalMs } as const
    return { passed: 0, failures: [{ expected: [], got: [], why: [], ...what, ...parts }], skipped: [] }
  }
  let got: readonly Sample[]
  try {
    got = world.query(check.expr, time).map(({ labels, value }) => ({ labels: toRecord(labels), value }))
  } catch (error) {
    return fail(`${check.expr}: ${errorText(error)}`, {})
  }
  const expected: Sample[] = []
  for (const { labels, value, place } of check.expected) {
    try {
      expected.push({ labels: toRecord(parseLabelSet(labels)), value })
    } catch (error) {
      return fail(`${check.expr}: labels ${JSON.stringify(labels)}: ${errorText(error)}`, place)
    }
  }
  const same = fuzzy ? sameOrNext : (a: number, b: number): boolean => a === b
  if (matches(expected, got, same)) return { passed: 1, failures: [], skipped: [] }
  return fail(check.expr, {
    expected: expected.map(text),
    got: got.map(text),
    why: [...reasons(context, check, expected, got, same), ...valuesAround(context, check.expr, check.evalMs)],
  })
}

function matches(expected: readonly Sample[], got: readonly Sample[], same: (a: number, b: number) => boolean) {
  const values = new Map(got.map(({ labels, value }) => [labelKey(labels), value]))
  const keys = new Set(expected.map(({ labels }) => labelKey(labels)))
  return (
    expected.length === got.length &&
    keys.size === expected.length &&
    expected.every(({ labels, value }) => {
      const found = values.get(labelKey(labels))
      return found !== undefined && same(found, value)
    })
  )
}

function reasons(
  context: TestContext,
  check: QueryCheck,
  expected: readonly Sample[],
  got: readonly Sample[],
  same: (a: number, b: number) => boolean,
): readonly Words[] {
  if (got.length === 0) return selectorWords(context, check.expr, context.test.startMs + check.evalMs)
  const found = new Map(got.map((one) => [labelKey(one.labels), one]))
  const wanted = new Set(expected.map(({ labels }) => labelKey(labels)))
  const words = expected.flatMap(({ labels, value }): readonly Words[] => {
    const name = seriesText(labels)
    const one = found.get(labelKey(labels))
    if (one === undefined)
      return nearest(
        labels,
        got.map((other) => other.labels),
      )
    if (same(one.value, value)) return []
    if (Number.isNaN(value))
      return [
        {
          en: `${name}: NaN is equal to nothing; test for it with \`expr != expr\``,
          zh: `${name}:NaN 不等于任何值;请用 \`expr != expr\` 检验`,
        },
      ]
    if (sameOrNext(one.value, value))
      return [
        {
          en: `${name} differs in the last digit only; \`fuzzy_compare: true\` lets that pass`,
          zh: `${name} 仅末位不同;\`fuzzy_compare: true\` 可放行`,
        },
      ]
    return [{ en: `${name} has another value`, zh: `${name} 的值不同` }]
  })
  const extra = got.filter(({ labels }) => !wanted.has(labelKey(labels))).map(({ labels }) => seriesText(labels))
  if (extra.length === 0) return words
  return [...words, { en: `not expected: ${extra.join(', ')}`, zh: `多出:${extra.join('、')}` }]
}

const text = ({ labels, value }: Sample): string => `${seriesText(labels)} ${numberText(value)}`
const numberText = (value: number): string =>
  Number.isFinite(value) && Math.abs(value) < 1e15 ? String(value) : goExponent(value)

const bits = new DataView(new ArrayBuffer(8))
/** Equal, or neighbours among the float64. */
export function sameOrNext(a: number, b: number): boolean {
  if (a === b) return true
  if (Number.isNaN(a) || Number.isNaN(b)) return false
  const distance = order(a) - order(b)
  return distance === 1n || distance === -1n
}
/** Whole numbers in the order of the floats. */
function order(value: number): bigint {
  bits.setFloat64(0, value)
  const raw = bits.getBigInt64(0)
  return raw < 0n ? -(raw & 0x7fff_ffff_ffff_ffffn) : raw
}
