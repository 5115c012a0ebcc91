// Who may come under which host name: the first key that comes under a free name has it, until a person has the host forgotten. The agents'
// token lets a program into the fleet; this keeps it from being somebody else there.
//
// Invariant: a name is answered for by one key at a time, over restarts too; the number of names is bounded.

import { createHash, timingSafeEqual } from 'node:crypto'
import { isHostKey } from '../../core/wire/host-key.ts'
import type { HostKeyTable } from './host-key-table-port.ts'

export type Admission = 'known' | 'bound' | 'no_key' | 'other_key' | 'hosts_full'

export type HostKeys = {
  /** Null: the agent showed no key. */
  admit(host: string, key: string | null): Promise<Admission>
  /** False: no such host. */
  forget(host: string): Promise<boolean>
  readonly size: number
}

export async function openHostKeys(deps: {
  readonly table: HostKeyTable
  readonly maxHosts: number
  readonly now: () => number
}): Promise<HostKeys> {
  const { table } = deps
  const known = new Map((await table.all()).map(({ host, hash }) => [host, Buffer.from(hash, 'hex')]))
  /** Names on their way into the table: they count, or many at once would pass the bound. */
  const binding = new Map<string, number>()

  const compare = (bound: Buffer, hash: Buffer): 'known' | 'other_key' =>
    bound.length === hash.length && timingSafeEqual(bound, hash) ? 'known' : 'other_key'

  return {
    async admit(host, key) {
      if (key === null || !isHostKey(key)) return 'no_key'
      const hash = createHash('sha256').update(key).digest()
      const bound = known.get(host)
      if (bound !== undefined) return compare(bound, hash)
      if (!binding.has(host) && known.size + binding.size >= deps.maxHosts) return 'hosts_full'
      binding.set(host, (binding.get(host) ?? 0) + 1)
      try {
        const stands = await table.bind({ host, kind: 'secret', hash: hash.toString('hex') }, deps.now())
        const first = !known.has(host)
        known.set(host, Buffer.from(stands.hash, 'hex'))
        const answer = compare(known.get(host)!, hash)
        return answer === 'known' && first ? 'bound' : answer
      } finally {
        const others = binding.get(host)! - 1
        if (others === 0) binding.delete(host)
        else binding.set(host, others)
      }
    },
    async forget(host) {
      const was = await table.forget(host)
      return known.delete(host) || was
    },
    get size() {
      return known.size
    },
  }
}
