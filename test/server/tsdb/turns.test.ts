import { describe, expect, it } from 'vitest'
import { openTurnstile } from '../../../server/tsdb/turns.ts'

/** Time passes only where somebody works. */
function world(turnMs = 4) {
  let now = 0
  const rounds: (() => void)[] = []
  const told: string[] = []
  const turnstile = openTurnstile({ monotonic: () => now, turnMs, after: (callback) => void rounds.push(callback) })
  const job = async (name: string, pieces: number): Promise<void> => {
    const pause = turnstile.job()
    for (let i = 0; i < pieces; i++) {
      now += 2
      told.push(name)
      await pause()
    }
    told.push(`${name} done`)
  }
  /** One round of the loop: what was said in it. */
  const round = async (): Promise<readonly string[]> => {
    const before = told.length
    for (const callback of rounds.splice(0)) callback()
    for (let i = 0; i < 20; i++) await Promise.resolve()
    return told.slice(before)
  }
  return { job, round, rounds, told }
}

describe('work in turns', () => {
  it('goes on without a pause while its turn lasts, and gives it up at its end', async () => {
    const { job, round, rounds, told } = world()
    const done = job('a', 5)
    for (let i = 0; i < 20; i++) await Promise.resolve()
    expect(told).toEqual(['a', 'a'])
    expect(await round()).toEqual(['a', 'a'])
    expect(await round()).toEqual(['a', 'a done'])
    expect(rounds).toEqual([])
    await done
  })

  it('lets one job have a turn in each round, the longest waiting first', async () => {
    const { job, round } = world()
    const done = Promise.all(['a', 'b', 'c'].map((name) => job(name, 4)))
    for (let i = 0; i < 20; i++) await Promise.resolve()
    const rounds: (readonly string[])[] = []
    for (let i = 0; i < 6; i++) rounds.push(await round())
    for (const said of rounds) expect(new Set(said.map((words) => words[0])).size).toBeLessThanOrEqual(1)
    expect(rounds.flat().filter((words) => words.endsWith('done'))).toEqual(['a done', 'b done', 'c done'])
    await done
  })
})
