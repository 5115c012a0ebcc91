// Stories of one rule that an agent and a server share: who judges when, what is told, in which order, and that nothing is told twice.

import { afterEach, describe, expect, it } from 'vitest'
import { type Fleet, fleet, type Rule } from './fleet.ts'

const down: Rule = { alert: 'Down', expr: 'inferward_engine_up == 0', for: '30s' }
const low: Rule = { alert: 'Low', expr: 'inferward_host_memory_available_bytes < 10' }

let world: Fleet | null = null
afterEach(async () => {
  await world?.stop()
  world = null
})
const open = async (rules: readonly Rule[] = [down, low]): Promise<Fleet> => {
  world = await fleet(rules)
  await world.run(5)
  expect(world.owners()).toEqual({ server: 0, moving: 0, agent: 1 })
  return world
}

describe('a rule that an agent works out', () => {
  it('fires with the sample itself, and the server tells it at once', async () => {
    const one = await open()
    one.values.memory = 5
    await one.run(1)
    expect(one.history()).toEqual(['Low firing 6'])
    expect(one.told).toEqual(['Low firing 6'])
    one.values.memory = 50
    await one.run(1)
    expect(one.told).toEqual(['Low firing 6', 'Low resolved 7'])
  })

  it('fires on a host that is cut off for ten minutes; its changes arrive once and in order when it is back', async () => {
    const one = await open()
    one.cut()
    one.values.memory = 5
    await one.run(1)
    // On the host within the second.
    expect(one.agent?.stats().rules).toBe(2)
    await one.run(99)
    one.values.memory = 50
    await one.run(100)
    one.values.up = 0
    await one.run(400)
    expect(one.owners()).toEqual({ server: 1, moving: 0, agent: 0 })
    expect(one.history()).toEqual([])
    await one.mend()
    await one.run(5)
    expect(one.history()).toEqual(['Low firing 6', 'Low resolved 106', 'Down pending 206', 'Down firing 236'])
    expect(one.told).toEqual(['Low firing 605', 'Low resolved 605', 'Down firing 605'])
    expect(one.owners()).toEqual({ server: 0, moving: 0, agent: 1 })
    one.values.up = 1
    await one.run(1)
    expect(one.history().at(-1)).toBe('Down resolved 611')
  })

  it('goes on at the server where the agent stood when it falls silent, timers to the second', async () => {
    const one = await open()
    one.values.up = 0
    await one.run(20)
    one.cut()
    await one.run(30)
    // Pending since 6: the server lets it fire at its first look after it took over, since 30 s are over by then.
    expect(one.history()).toEqual(['Down pending 6', expect.stringMatching(/^Down firing 4[6-8]$/)])
    expect(one.owners()).toEqual({ server: 1, moving: 0, agent: 0 })
  })

  it('is not told again when the agent had found the same while it was away', async () => {
    const one = await open()
    one.values.up = 0
    await one.run(20)
    one.cut()
    await one.run(60)
    await one.mend()
    await one.run(5)
    expect(one.history().map((line) => line.replace(/ \d+$/, ''))).toEqual(['Down pending', 'Down firing'])
    expect(one.told).toHaveLength(1)
    one.values.up = 1
    await one.run(1)
    expect(one.history().at(-1)).toBe('Down resolved 91')
    expect(one.told).toHaveLength(2)
  })

  it('is put right when the server had to guess: ended for want of data, and fires on the host', async () => {
    const one = await open()
    one.values.up = 0
    await one.run(60)
    one.cut()
    await one.run(400)
    const resolved = one.history().at(-1)
    expect(resolved).toMatch(/^Down resolved/)
    await one.mend()
    await one.run(5)
    // The same life of the alert, told again.
    expect(one.history().at(-1)).toMatch(/^Down firing 46[5-6]$/)
    expect(one.told.map((line) => line.replace(/ \d+$/, ''))).toEqual(['Down firing', 'Down resolved', 'Down firing'])
    one.values.up = 1
    await one.run(1)
    expect(one.told.at(-1)).toBe('Down resolved 471')
  })

  it('ends what the server let fire on old data and never fired on the host', async () => {
    const one = await open()
    one.values.up = 0
    await one.run(20)
    one.cut()
    one.values.up = 1
    await one.run(60)
    expect(one.told).toHaveLength(1)
    await one.mend()
    await one.run(3)
    expect(one.told.map((line) => line.replace(/ \d+$/, ''))).toEqual(['Down firing', 'Down resolved'])
  })

  it('goes on over a kill of the agent: timers, alerts, and what the server had not heard', async () => {
    const one = await open()
    one.values.up = 0
    await one.run(10)
    one.cut()
    one.values.memory = 5
    await one.run(1)
    one.kill()
    one.cut()
    await one.clock.advance(3000)
    await one.revive()
    await one.run(5)
    await one.mend()
    await one.run(20)
    expect(one.history()).toEqual(['Down pending 6', 'Low firing 16', expect.stringMatching(/^Down firing 3[67]$/)])
    expect(one.told).toHaveLength(2)
  })

  it('goes on over a lost disk of the agent by what the server knows', async () => {
    const one = await open()
    one.values.up = 0
    await one.run(10)
    one.kill()
    one.wipe()
    await one.clock.advance(2000)
    await one.revive()
    await one.run(30)
    expect(one.history()).toEqual(['Down pending 6', 'Down firing 36'])
  })

  it('goes on over a restart of the server, which repeats nothing', async () => {
    const one = await open()
    one.values.memory = 5
    one.values.up = 0
    await one.run(10)
    await one.restartServer()
    await one.run(5)
    one.reconnect()
    await one.run(30)
    expect(one.history()).toEqual(['Down pending 6', 'Low firing 6', 'Down firing 36'])
    expect(one.owners()).toEqual({ server: 0, moving: 0, agent: 1 })
  })

  it('keeps its timers when the rule file changes, and leaves with its alerts when it is taken out', async () => {
    const one = await open()
    one.values.up = 0
    one.values.memory = 5
    await one.run(10)
    await one.load([{ ...down, annotations: { summary: 'new' } }])
    await one.run(30)
    expect(one.history()).toEqual(
      expect.arrayContaining(['Low firing 6', 'Down pending 6', 'Low resolved 15', 'Down firing 36']),
    )
    expect(one.history()).toHaveLength(4)
    expect(one.agent?.stats().rules).toBe(1)
  })

  it('takes a rule that the server judged so far with its timer', async () => {
    const one = await open([low])
    one.values.up = 0
    await one.run(3)
    await one.load([low, { ...down, expr: 'inferward_engine_up == 0 unless absent(nothing)' }, low].slice(0, 2))
    await one.run(10)
    await one.load([low, down])
    await one.run(30)
    const found = one.history().filter((line) => line.startsWith('Down'))
    expect(found.length).toBeGreaterThan(0)
    expect(found.filter((line) => line.startsWith('Down firing'))).toHaveLength(1)
  })

  it('keeps its order though the clock of the host is two minutes behind, or ahead', async () => {
    for (const skew of [-120_000, 120_000]) {
      const one = await open()
      one.setSkew(skew)
      await one.run(1)
      one.values.up = 0
      await one.run(20)
      one.cut()
      await one.run(40)
      await one.mend()
      await one.run(2)
      one.values.up = 1
      await one.run(2)
      expect(
        one.told.map((line) => line.replace(/ \d+$/, '')),
        String(skew),
      ).toEqual(['Down firing', 'Down resolved'])
      for (const row of one.table.rows.values())
        expect(row.resolvedAt, String(skew)).toBeLessThanOrEqual(one.clock.now())
      await one.stop()
      world = null
    }
  })

  it('is judged by the server when its agent takes it and never says so', async () => {
    const one = await open()
    one.cut()
    one.mute(true)
    await one.mend()
    await one.run(50)
    expect(one.owners()).toEqual({ server: 0, moving: 1, agent: 0 })
    await one.run(20)
    expect(one.owners()).toEqual({ server: 1, moving: 0, agent: 0 })
    one.values.memory = 5
    await one.run(3)
    expect(one.told).toHaveLength(1)
    // Until it connects again.
    one.mute(false)
    one.cut()
    await one.mend()
    await one.run(3)
    expect(one.owners()).toEqual({ server: 0, moving: 0, agent: 1 })
    expect(one.told).toHaveLength(1)
  })

  it('is judged by nobody twice: a hundred cuts at odd moments give each change once', async () => {
    const one = await open()
    let state = 12_345
    const dice = (sides: number): number => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
      return Math.floor((state / 2 ** 32) * sides)
    }
    for (let i = 0; i < 100; i++) {
      one.values.memory = dice(2) === 0 ? 5 : 50
      one.cut()
      await one.run(dice(8))
      await one.mend()
      await one.run(dice(4))
    }
    await one.run(3)
    const states = one.history().map((line) => line.split(' ')[1])
    expect(states).toEqual(states.map((_, i) => (i % 2 === 0 ? 'firing' : 'resolved')))
    expect(states.length).toBeGreaterThan(20)
    expect(one.told).toHaveLength(states.length)
  })
})
