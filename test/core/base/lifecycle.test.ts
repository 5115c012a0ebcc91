// Starting and stopping rooms: order, failure in the middle, a stop while starting, and rooms that do not end.

import { describe, expect, it } from 'vitest'
import { lifecycle, type Room } from '../../../core/base/lifecycle.ts'
import { createLog } from '../../../core/base/log.ts'
import { virtualClock } from '../../../core/base/virtual-clock.ts'

function stand() {
  const clock = virtualClock()
  const said: string[] = []
  const story: string[] = []
  const log = createLog({ write: (line) => void said.push(line), now: () => 0, level: 'warn' })
  const life = lifecycle({ clock, log, stopMs: 1000 })
  const room = (name: string, more: Partial<Room> = {}): Room => ({
    name,
    start: async () => void story.push(`start ${name}`),
    stop: async () => void story.push(`stop ${name}`),
    ...more,
  })
  return { clock, said, story, life, room }
}
const never = (): Promise<void> => new Promise(() => {})

describe('rooms', () => {
  it('start in order and stop in reverse, once', async () => {
    const { life, room, story } = stand()
    await life.start([room('a'), room('b'), room('c')])
    await Promise.all([life.stop(), life.stop()])
    await life.stop()
    expect(story).toEqual(['start a', 'start b', 'start c', 'stop c', 'stop b', 'stop a'])
    expect(life.signal.aborted).toBe(true)
  })

  it('take down those before them when one fails, itself included, and the fault is told', async () => {
    const { life, room, story } = stand()
    const broken = room('b', { start: () => Promise.reject(new Error('no disk')) })
    await expect(life.start([room('a'), broken, room('c')])).rejects.toThrow('no disk')
    expect(story).toEqual(['start a', 'stop b', 'stop a'])
  })

  it('are all stopped though one fails to, and it is named', async () => {
    const { life, room, story, said } = stand()
    const rejects = room('b', { stop: () => Promise.reject(new Error('stuck')) })
    const throws = room('c', {
      stop: () => {
        throw new Error('thrown')
      },
    })
    await life.start([room('a'), rejects, throws])
    await life.stop()
    expect(story.at(-1)).toBe('stop a')
    expect(said.join('')).toMatch(/"room":"c".*thrown.*"room":"b".*stuck/s)
  })

  it('that never stop are left behind after their time, by name', async () => {
    const { life, room, story, said, clock } = stand()
    await life.start([room('a'), room('slow', { stop: never }), room('c')])
    const stopped = life.stop()
    await clock.advance(999)
    expect(story.at(-1)).toBe('stop c')
    await clock.advance(1)
    await stopped
    expect(story.at(-1)).toBe('stop a')
    expect(said.join('')).toContain('"room":"slow"')
    expect(clock.pending).toBe(0)
  })

  it('that fail to start and then never stop do not hold the fault back', async () => {
    const { life, room, story, clock } = stand()
    const broken = room('b', { start: () => Promise.reject(new Error('no disk')), stop: never })
    const started = expect(life.start([room('a'), broken])).rejects.toThrow('no disk')
    await clock.advance(1000)
    await started
    expect(story).toEqual(['start a', 'stop a'])
  })

  it('asked to stop while one is starting: it is stopped too, and the next is never begun', async () => {
    const { life, room, story } = stand()
    let go = (): void => {}
    const slow = room('b', {
      start: () =>
        new Promise((resolve) => {
          go = () => {
            story.push('start b')
            resolve()
          }
        }),
    })
    const started = life.start([room('a'), slow, room('c')])
    await Promise.resolve()
    await life.stop()
    go()
    await started
    expect(story).toEqual(['start a', 'stop a', 'start b', 'stop b'])
  })
})
