// The hosts of the fleet, put together: whose name belongs to which key, what they report, whom a restarted server waits for. A host that is
// forgotten is forgotten in all of them.

import type { AgentState } from '../core/wire/state.ts'
import type { Db } from './db/database.ts'
import { openHostKeyTable } from './db/host-key-table.ts'
import { openHostTable } from './db/host-table.ts'
import { openMarkTable } from './db/mark-table.ts'
import { openHostKeys } from './fleet/host-keys.ts'
import { openRegistry, type Registry } from './fleet/registry.ts'
import { openResume, type Resume } from './resume.ts'
import type { Refusal } from './session/session.ts'

export type Hosts = {
  readonly registry: Registry
  readonly resume: Resume
  admit(host: string, key: string | null): Promise<Refusal | null>
  report(state: AgentState): Promise<Refusal | null>
  forget(host: string): Promise<boolean>
}

export async function openHosts(deps: {
  readonly db: Db
  readonly now: () => number
  readonly limits: { readonly hosts: number; readonly engines: number }
  /** A name belongs to a key from now on. */
  readonly onBound: (host: string) => Promise<void>
}): Promise<Hosts> {
  const { db, now, limits } = deps
  const registry = openRegistry(now(), limits)
  const resume = await openResume({ hosts: openHostTable(db), marks: openMarkTable(db), now })
  const keys = await openHostKeys({ table: openHostKeyTable(db), maxHosts: limits.hosts, now })
  return {
    registry,
    resume,
    async admit(host, key) {
      const answer = await keys.admit(host, key)
      if (answer === 'bound') await deps.onBound(host)
      return answer === 'known' || answer === 'bound' ? null : answer
    },
    report: async (state) => registry.report(state, now()),
    async forget(host) {
      const was = await keys.forget(host)
      await resume.forget(host)
      registry.forget(host)
      return was
    },
  }
}
