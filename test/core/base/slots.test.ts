// Who loses a place when all are taken, and who never does.

import { describe, expect, it } from 'vitest'
import { type Connection, openSlots } from '../../../core/base/slots.ts'

type Peer = Connection & { readonly name: string; ended: boolean; close(): void }
function peer(name: string): Peer {
  const closed: (() => void)[] = []
  const one: Peer = {
    name,
    ended: false,
    destroy: () => one.close(),
    once: (_event, listener) => void closed.push(listener),
    close() {
      one.ended = true
      for (const listener of closed.splice(0)) listener()
    },
  }
  return one
}
function stand(max: number) {
  const slots = openSlots(max)
  const take = (name: string): Peer => {
    const one = peer(name)
    slots.take(one)
    return one
  }
  return { slots, take }
}

describe('places', () => {
  it('that are free cost nobody anything', () => {
    const { slots, take } = stand(2)
    const [a, b] = [take('a'), take('b')]
    expect([a.ended, b.ended, slots.open, slots.evicted]).toEqual([false, false, 2, 0])
    a.close()
    const c = take('c')
    expect([b.ended, c.ended, slots.open, slots.evicted]).toEqual([false, false, 2, 0])
  })

  it('go from whoever has been idle longest to whoever comes', () => {
    const { slots, take } = stand(3)
    const [a, b, c] = [take('a'), take('b'), take('c')]
    slots.sending(a)
    slots.answering(a)
    slots.idle(a)
    take('d')
    expect([a, b, c].filter((one) => one.ended).map((one) => one.name)).toEqual(['b'])
    take('e')
    expect([a, b, c].filter((one) => one.ended).map((one) => one.name)).toEqual(['b', 'c'])
    expect([slots.open, slots.evicted]).toEqual([3, 2])
  })

  it('go from half-sent requests next, the oldest first, and never from one that is being answered', () => {
    const { slots, take } = stand(3)
    const [a, b, c] = [take('a'), take('b'), take('c')]
    for (const one of [b, a, c]) slots.sending(one)
    slots.answering(c)
    const d = take('d')
    expect([a.ended, b.ended, c.ended, d.ended]).toEqual([false, true, false, false])
    slots.answering(a)
    slots.answering(d)
    const e = take('e')
    expect([a.ended, c.ended, d.ended, e.ended]).toEqual([false, false, false, true])
    expect(slots.open).toBe(3)
  })

  it('held by a thousand that say nothing keep out nobody who asks', () => {
    const { slots, take } = stand(64)
    for (let n = 0; n < 1000; n++) take(`idle ${n}`)
    const real = take('real')
    slots.sending(real)
    slots.answering(real)
    for (let n = 0; n < 1000; n++) take(`late ${n}`)
    expect(real.ended).toBe(false)
    expect(slots.open).toBe(64)
  })

  it('are not given back by what comes after an end', () => {
    const { slots, take } = stand(1)
    const a = take('a')
    a.close()
    slots.answering(a)
    slots.idle(a)
    expect(slots.open).toBe(0)
  })
})
