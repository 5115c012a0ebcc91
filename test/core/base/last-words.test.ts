// What is said last on a connection, and when it is cut whatever the peer does.

import { expect, it } from 'vitest'
import { lastWords } from '../../../core/base/last-words.ts'
import { virtualClock } from '../../../core/base/virtual-clock.ts'

function peer() {
  const did: string[] = []
  let close = (): void => {}
  return {
    did,
    close: () => close(),
    socket: {
      end: (text: string) => void did.push(text.split('\r\n')[0]!),
      resume: () => void did.push('resume'),
      destroy: () => void did.push('destroy'),
      once: (_event: 'close', listener: () => void) => {
        close = listener
      },
    },
  }
}

it('a peer that never closes its half is cut a second after the answer', async () => {
  const clock = virtualClock()
  const { socket, did } = peer()
  lastWords(socket, '401 Unauthorized', clock)
  await clock.advance(999)
  expect(did).toEqual(['resume', 'HTTP/1.1 401 Unauthorized'])
  await clock.advance(1)
  expect(did.at(-1)).toBe('destroy')
})

it('of a peer that closes nothing is left to wait for', async () => {
  const clock = virtualClock()
  const { socket, close } = peer()
  lastWords(socket, '404 Not Found', clock)
  close()
  expect(clock.pending).toBe(0)
})
