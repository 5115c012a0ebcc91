// The server's regular duties: each comes round again, and none waits for the health of another.

import { expect, it } from 'vitest'
import { silentLog } from '../../core/base/log.ts'
import { virtualClock } from '../../core/base/virtual-clock.ts'
import { openSweep } from '../../server/sweep.ts'

it('a duty that fails keeps neither those after it nor the next round from their turn', async () => {
  const clock = virtualClock()
  const done: string[] = []
  const sweep = openSweep({
    clock,
    log: silentLog,
    duties: {
      first: () => Promise.reject(new Error('database gone')),
      second: async () => void done.push('second'),
    },
  })
  sweep.start()
  await clock.advance(4999)
  expect(done).toEqual([])
  await clock.advance(1)
  await clock.advance(5000)
  expect(done).toEqual(['second', 'second'])
  sweep.stop()
  await clock.advance(60_000)
  expect(done).toHaveLength(2)
  expect(clock.pending).toBe(0)
})
