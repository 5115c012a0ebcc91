// Queries by the stories behind them: staleness, names, matching, limits, annotations. The scripts of Prometheus are the wider net.

import { describe, expect, it } from 'vitest'
import { isInferwardError } from '../../../core/base/errors.ts'
import { parseExpression } from '../../../core/promql/expression.ts'
import { formatQuery } from '../../../core/promql/format.ts'
import { xxHash64 } from '../../../core/promql/label-hash.ts'
import { instantQuery, type QueryLimits, type QueryResult, rangeQuery } from '../../../core/promql/query.ts'
import { parseSeries } from '../../../core/promql/series-notation.ts'
import { experimental, signatures } from '../../../core/promql/signatures.ts'
import { queryTree } from '../../../core/promql/tree-json.ts'
import { type Head, openHead } from '../../../core/series/head.ts'

const limits: QueryLimits = { lookbackMs: 300_000, defaultStepMs: 60_000, maxSamples: 100_000 }

/** One sample a minute. */
function store(...rows: readonly string[]): Head {
  const head = openHead({ maxSeries: 1000, retentionMs: Number.POSITIVE_INFINITY })
  for (const row of rows) {
    const { labels, samples } = parseSeries(row)
    const ref = head.series(labels)
    if (typeof ref === 'string') throw new Error(ref)
    samples.forEach((sample, index) => {
      if (sample !== undefined) head.append(ref, index * 60_000, sample.value, sample.stale)
    })
  }
  return head
}

const minutes = (count: number): number => count * 60_000
const at = (head: Head, query: string, time: number, more: Partial<QueryLimits> = {}): QueryResult =>
  instantQuery(head, query, time, { ...limits, ...more })

/** `labels value`, one line for each sample. */
function lines(result: QueryResult): readonly string[] {
  if (result.type === 'scalar') return [String(result.value)]
  if (result.type !== 'vector') return [result.type]
  return result.samples.map(({ labels, value }) => `${labels.map((pair) => pair.join('=')).join(',')} ${value}`.trim())
}

function failure(work: () => unknown): { code: string; message: string } {
  try {
    work()
  } catch (error) {
    if (isInferwardError(error)) return { code: error.code, message: error.message }
    throw error
  }
  throw new Error('no failure')
}

describe('a label that a query writes', () => {
  const nested = (call: (inner: string) => string, depth: number): string =>
    depth === 0 ? `label_replace(m, "a", "${'x'.repeat(1000)}", "", "")` : call(nested(call, depth - 1))

  it.each([
    ['label_join', (inner: string) => `label_join(${inner}, "a", "", "a", "a")`],
    ['label_replace', (inner: string) => `label_replace(${inner}, "a", "$0$0", "a", ".*")`],
  ])('by %s may double at every level up to 64 KiB, and is refused past it', (name, call) => {
    const head = store('m 1')
    expect(lines(at(head, nested(call, 6), 0))).toEqual([`__name__=m,a=${'x'.repeat(64_000)} 1`])
    for (const depth of [7, 40])
      expect(failure(() => at(head, nested(call, depth), 0))).toEqual({
        code: 'promql.execution',
        message: `label value too long in ${name}(): more than 65536 characters`,
      })
  })

  it('is refused before it is built, however often its parts are repeated', () => {
    const long = `label_replace(m, "a", "${'y'.repeat(60_000)}", "", "")`
    const query = `label_replace(${long}, "b", "${'$0'.repeat(50_000)}", "a", ".*")`
    expect(failure(() => at(store('m 1'), query, 0)).message).toMatch(/^label value too long in label_replace\(\)/)
  })

  it('counts towards the sum of one call', () => {
    const head = store('m{i="0"} 1')
    for (let i = 1; i < 300; i++)
      head.append(
        head.series([
          ['__name__', 'm'],
          ['i', String(i)],
        ]) as number,
        0,
        1,
        false,
      )
    const wide = `label_join(m, "b", "${'z'.repeat(60_000)}", "a", "i")`
    expect(failure(() => at(head, wide, 0)).message).toBe(
      'too many label values in label_join(): more than 16777216 characters',
    )
  })

  it('keeps dollars and unknown groups as Prometheus does', () => {
    const head = store('m{a="x-y"} 1')
    const value = (replacement: string): string =>
      lines(at(head, `label_replace(m, "b", "${replacement}", "a", "(?P<one>.*)-(.*)")`, 0))[0]!
    expect(value('$2$$1$one$')).toBe('__name__=m,a=x-y,b=y$1x$ 1')
    expect(value('[$9$two]')).toBe('__name__=m,a=x-y,b=[] 1')
  })
})

describe('time', () => {
  const head = store('m 0+1x10 stale')

  it.each([
    ['the sample of the moment itself', 3 * 60_000, ['__name__=m 3']],
    ['the newest within five minutes', minutes(3) + 59_999, ['__name__=m 3']],
    ['nothing after a stale marker', minutes(11), []],
    ['nothing before the first sample', -1, []],
  ])('an instant selector gives %s', (_what, time, wanted) => {
    expect(lines(at(head, 'm', time))).toEqual(wanted)
  })

  it('lookback and ranges are open on the left', () => {
    const one = store('m 1')
    expect(lines(at(one, 'm', 299_999))).toEqual(['__name__=m 1'])
    expect(lines(at(one, 'm', 300_000))).toEqual([])
    expect(lines(at(head, 'count_over_time(m[3m])', minutes(5)))).toEqual(['3'])
  })

  it('NaN is a value like any other, and no stale marker', () => {
    expect(lines(at(store('m 1 NaN'), 'm', minutes(1)))).toEqual(['__name__=m NaN'])
  })

  it.each([
    ['m @ 120', '__name__=m 2'],
    ['m offset 2m', '__name__=m 3'],
    ['m offset -1m', '__name__=m 6'],
    ['m @ 120 offset 1m', '__name__=m 1'],
    ['m @ end()', '__name__=m 5'],
    ['sum_over_time(m[2m:1m] @ 120)', '3'],
  ])('%s looks at its own moment', (query, wanted) => {
    expect(lines(at(head, query, minutes(5)))).toEqual([wanted])
  })

  it('@ start() and @ end() are the bounds of the whole query, also inside a subquery', () => {
    const result = rangeQuery(
      head,
      'sum_over_time((m @ end())[2m:1m])',
      { start: 0, end: minutes(4), stepMs: minutes(2) },
      limits,
    )
    expect(result.type === 'matrix' && [...result.series[0]!.values]).toEqual([8, 8, 8])
  })

  it('a subquery steps on multiples of its own step', () => {
    expect(lines(at(head, 'count_over_time(m[3m:1m])', minutes(5) + 30_000))).toEqual(['3'])
    expect(lines(at(head, 'sum_over_time(timestamp(m)[2m:1m])', minutes(5) + 30_000))).toEqual([String(240 + 300)])
  })

  it('duration expressions know the step of the query', () => {
    const range = { start: 0, end: minutes(6), stepMs: minutes(3) }
    const result = rangeQuery(head, 'count_over_time(m[step() + 1m])', range, limits)
    expect(result.type === 'matrix' && [...result.series[0]!.values]).toEqual([1, 4, 4])
    expect(failure(() => at(head, 'm[step()]', 0)).message).toBe('2:8: duration must be greater than 0')
  })
})

describe('names and labels', () => {
  const head = store('a{x="1"} 1', 'a{x="2"} 2', 'b{x="1"} 10', 'b{x="2"} 20')

  it.each([
    ['a + 1', ['x=1 2', 'x=2 3']],
    ['a > 1', ['__name__=a,x=2 2']],
    ['1 < a', ['__name__=a,x=2 2']],
    ['a > bool 1', ['x=1 0', 'x=2 1']],
    ['-a', ['x=1 -1', 'x=2 -2']],
    ['a and b{x="2"}', ['__name__=a,x=2 2']],
    ['a unless b{x="2"}', ['__name__=a,x=1 1']],
    ['a or b', ['__name__=a,x=1 1', '__name__=a,x=2 2']],
    ['a or on() nothing', ['__name__=a,x=1 1', '__name__=a,x=2 2']],
    ['nothing or a', ['__name__=a,x=1 1', '__name__=a,x=2 2']],
    ['nothing and a', []],
    ['last_over_time(a[1m])', ['__name__=a,x=1 1', '__name__=a,x=2 2']],
    ['max_over_time(a[1m])', ['x=1 1', 'x=2 2']],
    ['a < b', ['__name__=a,x=1 1', '__name__=a,x=2 2']],
    ['a < on(x) b', ['x=1 1', 'x=2 2']],
    ['label_replace(a, "__name__", "c", "", "")', ['__name__=c,x=1 1', '__name__=c,x=2 2']],
    ['label_replace(a, "y", "$1-$1", "x", "(.*)")', ['__name__=a,x=1,y=1-1 1', '__name__=a,x=2,y=2-2 2']],
    ['absent(nothing{x="1", y=~"z"})', ['x=1 1']],
    ['count_values without (x) ("v", a)', ['v=1 1', 'v=2 1']],
    ['sum by (x, nothing) (a)', ['x=1 1', 'x=2 2']],
  ])('%s', (query, wanted) => {
    expect(lines(at(head, query, 0))).toEqual(wanted)
  })

  it('two metrics that lose their names may not become one', () => {
    const query = 'abs({__name__=~"a|b", x="1"})'
    expect(failure(() => at(head, query, 0)).message).toBe('vector cannot contain metrics with the same labelset')
  })

  it('with delayed names an aggregation still sees the name, and it goes at the end', () => {
    const options = { experimental: false, delayedNames: true }
    const query = 'sum by (__name__) (abs({__name__=~"a|b"}))'
    expect(failure(() => at(head, query, 0, { options })).message).toMatch(/same labelset/)
    expect(lines(at(head, `count(${query})`, 0, { options }))).toEqual(['2'])
    expect(failure(() => at(head, query, 0)).message).toMatch(/same labelset/)
  })
})

describe('matching', () => {
  const head = store(
    'many{i="1", j="1"} 1',
    'many{i="1", j="2"} 2',
    'one{i="1", k="z"} 10',
    'two{i="1", j="1"} 1',
    'two{i="1", j="2"} 2',
  )

  it.each([
    ['many * on(i) group_left(k) one', ['i=1,j=1,k=z 10', 'i=1,j=2,k=z 20']],
    ['one / on(i) group_right many', ['i=1,j=1 10', 'i=1,j=2 5']],
    ['many + ignoring() two', ['i=1,j=1 2', 'i=1,j=2 4']],
    ['sum(many) + on() group_left sum(one)', ['13']],
    ['many{j="1"} + on(j) nothing', []],
  ])('%s', (query, wanted) => {
    expect(lines(at(head, query, 0))).toEqual(wanted)
  })

  it.each([
    [
      'one + on(i) many',
      'found duplicate series for the match group {i="1"} on the right hand-side of the operation: ' +
        '[{__name__="many", i="1", j="1"}, {__name__="many", i="1", j="2"}];' +
        'many-to-many matching not allowed: matching labels must be unique on one side',
    ],
    ['many + on(i) one', 'multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)'],
    [
      'many + on(i) group_right two',
      'found duplicate series for the match group {i="1"} on the left hand-side of the operation: ' +
        '[{__name__="many", i="1", j="1"}, {__name__="many", i="1", j="2"}];' +
        'many-to-many matching not allowed: matching labels must be unique on one side',
    ],
    [
      'sum by (i, j) (many) + on(i) group_left(j) label_replace(one, "j", "3", "", "")',
      'multiple matches for labels: grouping labels must ensure unique matches',
    ],
  ])('%s is refused', (query, message) => {
    expect(failure(() => at(head, query, 0))).toEqual({ code: 'promql.execution', message })
  })

  it('fill stands for a partner that is missing', () => {
    const options = { experimental: true, delayedNames: false }
    const query = 'many{j="1"} + fill_right(5) two{j="2"} or many{j="1"} + fill_left(7) two{j="2"}'
    expect(lines(at(head, query, 0, { options }))).toEqual(['i=1,j=1 6', 'i=1,j=2 9'])
  })
})

describe('annotations', () => {
  const head = store(
    'm 0+1x10',
    'h_bucket{le="1"} 5',
    'h_bucket{le="2"} 3',
    'h_bucket{le="+Inf"} 6',
    'h_bucket{le="x"} 1',
  )

  it.each([
    [
      'sum(\n rate(m[5m]))',
      {
        infos: [
          'PromQL info: metric might not be a counter, name does not end in _total/_sum/_count/_bucket: "m" (2:7)',
        ],
      },
    ],
    ['quantile(1.5, m)', { warnings: ['PromQL warning: quantile value should be between 0 and 1, got 1.5 (1:10)'] }],
    [
      'histogram_quantile(0.5, h_bucket)',
      {
        warnings: ['PromQL warning: bucket label "le" is missing or has a malformed value of "x" (1:25)'],
        infos: [
          'PromQL info: input to histogram_quantile needed to be fixed for monotonicity (see https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile), ' +
            'from buckets 2 to 2, with a max diff of 2, over 1 samples from 1970-01-01T00:00:00Z to 1970-01-01T00:00:00Z (1:25)',
        ],
      },
    ],
  ])('%s', (query, wanted) => {
    const { warnings, infos } = at(head, query, query.includes('rate') ? minutes(5) : 0)
    expect({ ...(warnings && { warnings }), ...(infos && { infos }) }).toEqual(wanted)
  })

  it('are no field at all where there is nothing to tell', () => {
    expect(Object.keys(at(head, 'm', 0))).toEqual(['type', 'time', 'samples'])
  })

  it('say that sort does nothing over a range', () => {
    const { warnings } = rangeQuery(head, 'sort(m)', { start: 0, end: minutes(1), stepMs: minutes(1) }, limits)
    expect(warnings).toEqual([
      'PromQL warning: sort is ineffective for range queries since results are always ordered by labels (1:1)',
    ])
  })
})

describe('limits', () => {
  const head = store(...Array.from({ length: 100 }, (_, index) => `m{i="${index}"} 0+1x100`))
  const tooMany = {
    code: 'promql.execution',
    message: 'query processing would load too many samples into memory in query execution',
  }

  it.each([
    ['samples read', () => at(head, 'sum_over_time(m[2h])', minutes(100), { maxSamples: 5000 })],
    ['points of a result', () => rangeQuery(head, 'm', { start: 0, end: minutes(100), stepMs: 1000 }, limits)],
    ['steps of the query', () => rangeQuery(head, '1', { start: 0, end: minutes(100), stepMs: 0.001 }, limits)],
    ['steps of a subquery', () => at(head, 'max_over_time(m[10y:1ms])', minutes(100))],
    [
      'points of a pinned selector',
      () => rangeQuery(head, 'm @ 60', { start: 0, end: minutes(100), stepMs: 1000 }, limits),
    ],
  ])('too many %s are refused', (_what, work) => {
    expect(failure(work)).toEqual(tooMany)
  })

  it('a query whose caller has given up ends, also in the middle of a selector', () => {
    let asked = 0
    const aborted = (): boolean => ++asked > 50
    expect(failure(() => instantQuery(head, 'm', 0, limits, aborted)).code).toBe('promql.timeout')
    expect(asked).toBe(51)
  })

  it('a pattern without end is refused', () => {
    expect(failure(() => at(head, `m{i=~"${'a'.repeat(20_000)}"}`, 0)).code).toBe('promql.parse')
    const query = `label_replace(m, "a", "b", "i", "${'a'.repeat(20_000)}")`
    expect(failure(() => at(head, query, 0)).message).toMatch(/^invalid regular expression in label_replace\(\)/)
  })
})

describe('the deepest queries that are read', () => {
  const head = store('m 1')

  it.each([
    ['operators', `m${' + m'.repeat(398)}`, '399'],
    ['powers to the right', `${'1 ^ '.repeat(60)}(${'('.repeat(60)}m > bool 1${')'.repeat(60)})`, '1'],
    ['calls and parentheses', `${'abs(('.repeat(60)}m${'))'.repeat(60)}`, '1'],
    ['subqueries', `${'max_over_time('.repeat(40)}m${'[1m:30s])'.repeat(40)}`, '1'],
  ])('%s are worked out', (_what, query, wanted) => {
    expect(lines(at(head, query, 0, { maxSamples: 10_000_000 }))).toEqual([wanted])
  })
})

describe('an expression of a rule', () => {
  it.each([
    ['rate(m[5m] offset 1m)', [{ absent: false, fromMs: 360_000, toMs: 60_000 }]],
    ['m offset (1m * 2)', [{ absent: false, fromMs: 420_000, toMs: 120_000 }]],
    ['rate(m[step() + 3m])', [{ absent: false, fromMs: 180_000, toMs: 0 }]],
    ['max_over_time(rate(m[5m])[1h:1m])', [{ absent: false, fromMs: 3_900_000, toMs: 0 }]],
    [
      'absent(m) or n',
      [
        { absent: true, fromMs: 300_000, toMs: 0 },
        { absent: false, fromMs: 300_000, toMs: 0 },
      ],
    ],
  ])('%s says which samples it reads', (text, wanted) => {
    expect(parseExpression(text).selectors).toMatchObject(wanted)
  })
})

describe('what surrounds queries', () => {
  it('a matcher takes values with newlines', () => {
    const head = store('m{a="x\\ny"} 1')
    expect(lines(at(head, 'm{a=~"x.y"}', 0))).toHaveLength(1)
  })

  it('every function of the table can be worked out', () => {
    const head = store('m{le="1"} 0+1x10')
    const words = { vector: 'm', scalar: '', string: '"x"', matrix: 'm[5m]', none: '' }
    const options = { experimental: true, delayedNames: false }
    for (const [name, { args }] of signatures) {
      const given =
        name === 'info' ? ['m'] : args.map((type, index) => (type === 'scalar' ? `0.${index + 1}` : words[type]))
      const result = at(head, `${name}(${given.join(', ')})`, minutes(5), { options })
      expect(result.type, name).toMatch(/^(?:vector|scalar)$/)
    }
    expect(experimental.has('rate')).toBe(false)
  })

  it('a result survives a structured clone', () => {
    const result = at(store('m 0+1x10'), 'rate(m[5m])', minutes(5))
    expect(structuredClone(result)).toEqual(result)
  })

  it.each([
    ['', 0xef46db3751d8e999n],
    ['a', 0xd24ec4f1a98c6e5bn],
    ['abc', 0x44bc2cf5ad770999n],
    ['Nobody inspects the spammish repetition', 0xfbcea83c8a378bf1n],
  ])('the hash by which limit_ratio samples is xxHash64: %j', (text, wanted) => {
    expect(xxHash64(new TextEncoder().encode(text))).toBe(wanted)
  })

  it('limit_ratio and its complement part a vector in two', () => {
    const head = store(...Array.from({ length: 50 }, (_, index) => `m{i="${index}"} 1`))
    const options = { experimental: true, delayedNames: false }
    const part = (query: string): readonly string[] => lines(at(head, query, 0, { options }))
    const [some, rest] = [part('limit_ratio(0.3, m)'), part('limit_ratio(-0.7, m)')]
    expect(some.length).toBeGreaterThan(0)
    expect([...some, ...rest].sort()).toEqual([...part('m')].sort())
  })

  it('format_query sets long queries out', () => {
    const long = `sum by (job) (rate(requests_total{code=~"5.."}[5m])) / sum by (job) (rate(requests_total{code!=""}[5m])) > 0.01`
    expect(formatQuery(long)).toBe(
      '    sum by (job) (rate(requests_total{code=~"5.."}[5m]))\n  /\n    sum by (job) (rate(requests_total{code!=""}[5m]))\n>\n  0.01',
    )
    expect(formatQuery('sum(up)by(job)')).toBe('sum by (job) (up)')
  })

  it('parse_query gives the tree', () => {
    expect(queryTree('sum by (a) (rate(up{b="c"}[5m] offset 1m)) > bool 2')).toMatchObject({
      type: 'binaryExpr',
      op: '>',
      bool: true,
      matching: null,
      lhs: {
        type: 'aggregation',
        op: 'sum',
        grouping: ['a'],
        expr: {
          type: 'call',
          func: { name: 'rate', argTypes: ['matrix'], variadic: 0, returnType: 'vector' },
          args: [{ type: 'matrixSelector', name: 'up', range: 300_000, offset: 60_000 }],
        },
      },
      rhs: { type: 'numberLiteral', val: '2' },
    })
  })
})
