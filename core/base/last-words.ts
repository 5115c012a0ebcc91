// The last answer on a connection that will not be kept: said, given a moment to arrive, then cut. Invariant: a peer that never closes its half
// holds nothing of ours for longer than that moment.

import { type Clock, systemClock } from './clock.ts'

const momentMs = 1000

type Ending = {
  end(text: string): unknown
  /** What still comes is thrown away: unread bytes would turn our close into a reset, and the words would be lost. */
  resume(): unknown
  destroy(): unknown
  once(event: 'close', listener: () => void): unknown
}

export function lastWords(socket: Ending, status: string, clock: Pick<Clock, 'timer'> = systemClock): void {
  const late = clock.timer(momentMs, () => socket.destroy())
  socket.once('close', () => late[Symbol.dispose]())
  socket.resume()
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}
