import { describe, expect, it } from 'vitest'
import { silentLog } from '../../../core/base/log.ts'
import { virtualClock } from '../../../core/base/virtual-clock.ts'
import { readiness } from '../../../server/tsdb/plan-readiness.ts'
import { openTurnstile } from '../../../server/tsdb/turns.ts'

function world() {
  const clock = virtualClock(1_000_000)
  const prepared: string[][] = []
  let costMs = 0
  const plans = readiness({
    clock,
    log: silentLog,
    turns: openTurnstile({ monotonic: () => clock.monotonic(), turnMs: 4 }),
    prepare: async (queries) => {
      const run: string[] = []
      prepared.push(run)
      for (const query of queries) {
        run.push(query)
        if (costMs > 0) await clock.sleep(costMs)
        else await Promise.resolve()
      }
    },
  })
  const cost = (ms: number): void => {
    costMs = ms
  }
  return { clock, plans, prepared, cost }
}

describe('plans of rules', () => {
  it('are ready when the rules are loaded, and again soon after series came, once for many', async () => {
    const { clock, plans, prepared } = world()
    plans.changed()
    await clock.advance(100)
    expect(prepared).toEqual([])
    await plans.wanted(['a', 'b', 'a'])
    expect(prepared).toEqual([['a', 'b']])
    for (let i = 0; i < 50; i++) plans.changed()
    await clock.advance(100)
    expect(prepared).toEqual([
      ['a', 'b'],
      ['a', 'b'],
    ])
    await plans.stop()
    plans.changed()
    await clock.advance(1000)
    expect(prepared).toHaveLength(2)
  })

  it('take at most a fifth of the time where series keep coming', async () => {
    const { clock, plans, prepared, cost } = world()
    await plans.wanted([])
    const load = plans.wanted(['a'])
    await load
    cost(100)
    for (let ms = 0; ms < 10_000; ms += 10) {
      plans.changed()
      await clock.advance(10)
    }
    expect(prepared.length).toBeGreaterThan(10)
    expect(prepared.length).toBeLessThan(23)
    await plans.stop()
  })

  it('are those of the latest load: an earlier one that is still at it gives way', async () => {
    const { plans, prepared } = world()
    const [first, second] = [plans.wanted(['a', 'b', 'c']), plans.wanted(['d'])]
    await Promise.all([first, second])
    expect(prepared).toEqual([['a'], ['d']])
    await plans.stop()
  })
})
