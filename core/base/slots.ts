// Places for connections on one listener. When all are taken, a newcomer gets that of the connection which has been idle longest, then of the one
// that has been sending its request longest: whoever only holds places cannot keep out those who ask. A connection that is being answered is safe.
//
// Invariant: never more than `max` connections.

export type Connection = { destroy(): unknown; once(event: 'close', listener: () => void): unknown }

export type Slots = {
  /** A new connection. It may cost another one its place, or be ended itself when all are being answered. */
  take(connection: Connection): void
  /** Its request has begun. */
  sending(connection: Connection): void
  /** Its request is whole and will be answered. */
  answering(connection: Connection): void
  /** The answer is out, and it may ask again. */
  idle(connection: Connection): void
  /** It is somebody else's to bound from now on: an upgraded connection, for example. */
  release(connection: Connection): void
  readonly open: number
  /** Connections ended for want of places. */
  readonly evicted: number
}

export function openSlots(max: number): Slots {
  // In the order in which they came to this state.
  const idle = new Set<Connection>()
  const sending = new Set<Connection>()
  const answering = new Set<Connection>()
  const states = [idle, sending, answering]
  let evicted = 0

  const leave = (connection: Connection): boolean => states.some((state) => state.delete(connection))
  const move = (connection: Connection, to: Set<Connection>): void => {
    if (leave(connection)) to.add(connection)
  }
  return {
    take(connection) {
      connection.once('close', () => leave(connection))
      idle.add(connection)
      if (idle.size + sending.size + answering.size <= max) return
      // The newcomer stands last among the idle: it goes only if there is nobody else.
      const [longest] = idle
      const victim = longest !== connection ? longest! : ([...sending][0] ?? connection)
      leave(victim)
      evicted++
      victim.destroy()
    },
    sending: (connection) => move(connection, sending),
    answering: (connection) => move(connection, answering),
    idle: (connection) => move(connection, idle),
    release: (connection) => void leave(connection),
    get open() {
      return idle.size + sending.size + answering.size
    },
    get evicted() {
      return evicted
    },
  }
}
