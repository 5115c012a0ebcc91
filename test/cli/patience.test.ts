import { expect, it } from 'vitest'
import { patiently } from '../../cli/patience.ts'
import { virtualClock } from '../../core/base/virtual-clock.ts'

it('what is done within a moment is not spoken of', async () => {
  const clock = virtualClock()
  const told: string[] = []
  const done = patiently(clock, () => told.push('waiting'), clock.sleep(900))
  await clock.advance(900)
  await done
  await clock.advance(10_000)
  expect(told).toEqual([])
})

it('what takes longer is spoken of once, also when it fails in the end', async () => {
  const clock = virtualClock()
  const told: string[] = []
  const work = clock.sleep(9000).then(() => Promise.reject(new Error('killed')))
  const done = patiently(clock, () => told.push('waiting'), work).catch((error: Error) => error.message)
  await clock.advance(20_000)
  expect(await done).toBe('killed')
  expect(told).toEqual(['waiting'])
})
