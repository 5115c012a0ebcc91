// What is held together, and who has to go.

import { describe, expect, it } from 'vitest'
import { openSharedBytes } from '../../../core/base/shared-bytes.ts'
import { random } from '../../helpers/random.ts'

describe('bytes under one bound', () => {
  it('are given up by the oldest, one after the other, until there is room', () => {
    const shared = openSharedBytes(10)
    const gone: string[] = []
    const [a, b, c] = ['a', 'b', 'c'].map((name) => shared.begin(() => void gone.push(name)))
    a!.add(4)
    b!.add(4)
    expect([gone, shared.held]).toEqual([[], 8])
    c!.add(3)
    expect([gone, shared.held]).toEqual([['a'], 7])
    c!.add(6)
    expect([gone, shared.held, shared.dropped]).toEqual([['a', 'b'], 9, 2])
    c!.add(2)
    expect([gone, shared.held]).toEqual([['a', 'b', 'c'], 0])
  })

  it('of one that ended are free, and ending twice frees them once', () => {
    const shared = openSharedBytes(10)
    const a = shared.begin(() => {})
    const b = shared.begin(() => {})
    a.add(9)
    b.add(1)
    a.end()
    a.end()
    a.add(5)
    expect(shared.held).toBe(1)
  })

  it.each([1, 2, 3])('never pass it, whoever comes and goes (seed %i)', (seed) => {
    const source = random(seed)
    const shared = openSharedBytes(1000)
    const open: ReturnType<typeof shared.begin>[] = []
    let dropped = 0
    for (let n = 0; n < 5000; n++) {
      const fate = source.uniform()
      if (fate < 0.3) open.push(shared.begin(() => dropped++))
      else if (fate < 0.4) open.shift()?.end()
      else open[Math.floor(source.uniform() * open.length)]?.add(Math.floor(source.uniform() * 400))
      expect(shared.held).toBeLessThanOrEqual(1000)
      expect(shared.held).toBeGreaterThanOrEqual(0)
    }
    expect(shared.dropped).toBe(dropped)
    expect(dropped).toBeGreaterThan(10)
    for (const one of open) one.end()
    expect(shared.held).toBe(0)
  })
})
