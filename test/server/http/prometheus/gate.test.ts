// The gate before the queries, on a virtual clock: who gets a place, who waits, who is turned away, and that every place comes back.

import { EventEmitter } from 'node:events'
import type { Response } from 'express'
import { describe, expect, it } from 'vitest'
import { virtualClock } from '../../../../core/base/virtual-clock.ts'
import { openQueryGate, type Place } from '../../../../server/http/prometheus/gate.ts'

function stand(concurrency: number, queue: number, points = 100) {
  const clock = virtualClock()
  const gate = openQueryGate({ clock, concurrency, queue, points })
  const order: string[] = []
  /** A query that works until it is told to end. */
  const start = (name: string, timeoutMs = 1000) => {
    const response = new EventEmitter()
    let end: (error?: Error) => void = () => {}
    let place: Place | undefined
    const done = gate
      .run(timeoutMs, response as unknown as Response, (given) => {
        order.push(name)
        place = given
        return new Promise((resolve, reject) => {
          end = (error) => (error === undefined ? resolve() : reject(error))
        })
      })
      .then(
        () => `${name} done`,
        (error: Error) => `${name}: ${error.message}`,
      )
    return { done, response, place: () => place!, end: (error?: Error) => end(error) }
  }
  return { clock, gate, order, start }
}

describe('the gate', () => {
  it('lets so many work at once, and the next ones in the order they came', async () => {
    const { gate, order, start, clock } = stand(2, 10)
    const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((name) => start(name))
    await clock.advance(10)
    expect(order).toEqual(['a', 'b'])
    expect(gate.stats()).toMatchObject({ running: 2, waiting: 2 })
    a!.end()
    await clock.advance(10)
    expect(order).toEqual(['a', 'b', 'c'])
    c!.end(new Error('broken'))
    await clock.advance(10)
    expect(order).toEqual(['a', 'b', 'c', 'd'])
    b!.end()
    d!.end()
    expect(await Promise.all([a!.done, b!.done, c!.done, d!.done])).toEqual(['a done', 'b done', 'c: broken', 'd done'])
    expect(gate.stats()).toEqual({ running: 0, waiting: 0, queries: 4, refused: 0, late: 0 })
    expect(clock.pending).toBe(0)
  })

  it('says how long a query waited', async () => {
    const { start, clock } = stand(1, 10)
    const [a, b] = [start('a'), start('b')]
    await clock.advance(250)
    a.end()
    await a.done
    await clock.advance(0)
    expect([a.place().queuedMs, b.place().queuedMs]).toEqual([0, 250])
  })

  it('turns away who finds the queue full, at once', async () => {
    const { gate, start } = stand(1, 1)
    const a = start('a')
    start('b')
    expect(await start('c').done).toBe('c: too many queries are waiting already')
    expect(gate.stats()).toMatchObject({ running: 1, waiting: 1, refused: 1 })
    a.end()
  })

  it('lets nobody wait longer than its own timeout', async () => {
    const { gate, order, start, clock } = stand(1, 10)
    const a = start('a')
    const [b, c] = [start('b', 100), start('c', 5000)]
    await clock.advance(100)
    expect(await b.done).toBe('b: query timed out in query queue')
    expect(gate.stats()).toMatchObject({ waiting: 1, late: 1 })
    a.end()
    await a.done
    await clock.advance(0)
    expect(order).toEqual(['a', 'c'])
    c.end()
  })

  it('forgets who leaves while waiting', async () => {
    const { gate, order, start, clock } = stand(1, 1)
    const a = start('a')
    const b = start('b')
    b.response.emit('close')
    expect(await b.done).toContain('left')
    const c = start('c')
    a.end()
    await a.done
    await clock.advance(0)
    expect(order).toEqual(['a', 'c'])
    c.end()
    await c.done
    expect(gate.stats()).toMatchObject({ running: 0, waiting: 0 })
    expect(b.response.listenerCount('close')).toBe(0)
  })

  it('bounds what all answers hold together, and lets a single one hold all', async () => {
    const { gate, start, clock } = stand(3, 0, 100)
    const [a, b, c] = [start('a'), start('b'), start('c')]
    await clock.advance(0)
    a.place().hold(60)
    b.place().hold(40)
    expect(() => c.place().hold(1)).toThrow('answers to other queries')
    expect(gate.stats().refused).toBe(1)
    for (const one of [a, b, c]) one.end()
    await Promise.all([a.done, b.done, c.done])
    const d = start('d')
    await clock.advance(0)
    expect(() => d.place().hold(500)).not.toThrow()
    d.end()
  })
})
