// Heavy rules on a lane of their own: what goes there, what is asked in place, and when a check counts.

import { describe, expect, it } from 'vitest'
import { systemClock } from '../../../core/base/clock.ts'
import { parseExpression } from '../../../core/promql/expression.ts'
import { defaultLimits, instantQuery } from '../../../core/promql/query.ts'
import { parseRuleFile } from '../../../core/rules/rule-file.ts'
import { openHead } from '../../../core/series/head.ts'
import type { Labels } from '../../../core/series/seam.ts'
import { inlineLane } from '../../../server/tsdb/query-lane.ts'
import type { QueryTask } from '../../../server/tsdb/query-task.ts'
import { ruleLane } from '../../../server/tsdb/rule-lane.ts'
import { openTurnstile } from '../../../server/tsdb/turns.ts'

const minute = 60_000
const now = 60 * minute
const series = (metric: string, i: number): Labels => [
  ['__name__', metric],
  ['i', String(i)],
]

function world() {
  const lane: { appended?: (ref: number, time: number) => void } = {}
  const head = openHead(
    { maxSeries: 10_000, retentionMs: 10 * now },
    { appended: (ref, time) => lane.appended?.(ref, time), created: () => {}, removed: () => {} },
  )
  const add = (metric: string, i: number, time: number, value: number): void => {
    const ref = head.series(series(metric, i))
    if (typeof ref !== 'number' || head.append(ref, time, value, false) !== null) throw new Error('refused')
  }
  for (let i = 0; i < 2000; i++)
    for (let step = 0; step < 30; step++) add('big', i, now - (30 - step) * 10_000, i + step)
  add('small', 0, now - 1000, 1)
  const tasks: QueryTask[] = []
  const inner = inlineLane(systemClock)
  /** What happens while the lane is at work. */
  let meanwhile = (): void => {}
  const asked: string[] = []
  const rules = ruleLane({
    lane: {
      ...inner,
      run: async (task) => {
        tasks.push(task)
        meanwhile()
        return inner.run(task)
      },
    },
    turns: openTurnstile({ monotonic: () => systemClock.monotonic(), turnMs: 4 }),
    head,
    source: async () => head,
    limits: defaultLimits,
    timeoutMs: 20_000,
    monotonic: () => systemClock.monotonic(),
    planned: (query) => query.startsWith('planned'),
    inPlace: {
      query: (query) => {
        asked.push(query)
        return []
      },
      has: () => true,
    },
  })
  lane.appended = rules.appended
  const during = (work: () => void): void => {
    meanwhile = work
  }
  return { head, add, rules, tasks, asked, during }
}
const group = (rules: readonly object[]) =>
  parseRuleFile('f.yml', JSON.stringify({ groups: [{ name: 'g', rules }] }), parseExpression)[0]!
const heavy = 'count(rate(big[5m])) > 0'

describe('rules that take long', () => {
  it('are asked beforehand on their lane, light ones and those with a plan in place', async () => {
    const { rules, tasks, asked, head } = world()
    const prepared = await rules.prepare(
      group([
        { record: 'a:b', expr: heavy },
        { record: 'c:d', expr: 'sort(small)' },
        { alert: 'E', expr: 'planned > 0' },
      ]),
      now,
    )
    expect(tasks.map(({ query }) => query)).toEqual([heavy])
    expect(prepared!.query(heavy, now)).toEqual((instantQuery(head, heavy, now) as { samples: unknown }).samples)
    expect(asked).toEqual([])
    prepared!.query(heavy, now + 1)
    prepared!.query('sort(small)', now)
    prepared!.query('planned > 0', now)
    expect(asked).toEqual([heavy, 'sort(small)', 'planned > 0'])
  })

  it('are asked in place where they read what the group writes at the same moment', () => {
    const { rules } = world()
    expect(
      rules.prepare(
        group([
          { record: 'planned:x', expr: 'planned' },
          { record: 'y', expr: 'sort(planned:x)' },
          { record: 'z', expr: 'count({job="any"})' },
        ]),
        now,
      ),
    ).toBeNull()
    expect(rules.prepare(group([{ alert: 'A', expr: 'planned > 0' }]), now)).toBeNull()
  })

  it('fail alone, with the words of the query', async () => {
    const { rules, asked } = world()
    const broken = 'rate(big[5m]) + on () rate(big[5m])'
    const prepared = await rules.prepare(
      group([
        { alert: 'A', expr: broken },
        { alert: 'B', expr: 'sort(small)' },
      ]),
      now,
    )
    expect(() => prepared!.query(broken, now)).toThrow('many-to-many')
    prepared!.query('sort(small)', now)
    expect(asked).toEqual(['sort(small)'])
  })
})

describe('a check beside its plan', () => {
  it('gives what the full evaluator gives on the samples of that moment', async () => {
    const { rules, head, during, add } = world()
    const wanted = (instantQuery(head, heavy, now) as { samples: unknown }).samples
    // Later samples, and those of others, change nothing.
    during(() => {
      add('big', 0, now + 1, 5)
      add('small', 0, now, 5)
    })
    expect(await rules.check(heavy, now)).toEqual(wanted)
  })

  it.each([
    ['a sample of that time', (w: ReturnType<typeof world>) => w.add('big', 7, now, 1)],
    ['a series that it means', (w: ReturnType<typeof world>) => w.add('big', 5000, now + 5, 1)],
  ])('counts for nothing when %s came meanwhile', async (_what, come) => {
    const one = world()
    one.during(() => come(one))
    expect(await one.rules.check(heavy, now)).toBeNull()
    one.during(() => {})
    expect(await one.rules.check(heavy, now)).not.toBeNull()
  })

  it('is made one at a time', async () => {
    const { rules } = world()
    const [first, second] = await Promise.all([rules.check(heavy, now), rules.check(heavy, now)])
    expect(first).not.toBeNull()
    expect(second).toBeNull()
  })
})
