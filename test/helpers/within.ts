// For tests over real processes: a free port, and a question asked until it holds.

import { createServer } from 'node:net'

export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() =>
        typeof address === 'object' && address !== null ? resolve(address.port) : reject(new Error('no port')),
      )
    })
  })

/** Asks again and again until it holds; the deadline is the requirement itself. */
export async function within<T>(
  ms: number,
  what: string,
  look: () => Promise<T | null | undefined | false>,
): Promise<T> {
  const until = Date.now() + ms
  let last: unknown
  for (;;) {
    try {
      const found = await look()
      if (found !== null && found !== undefined && found !== false) return found
    } catch (error) {
      last = error
    }
    if (Date.now() > until)
      throw new Error(`not within ${ms} ms: ${what}${last === undefined ? '' : ` (${String(last)})`}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
