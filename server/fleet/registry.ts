// Which hosts and engines there are, and who has gone silent. In memory, from what agents report: every agent reports its full state when it
// connects. Contact is judged by a pure function of time, with a grace after the server's own start: nobody is lost because we were away.

import { heartbeatMs } from '../../core/wire/message.ts'
import type { AgentState, EngineState } from '../../core/wire/state.ts'

export type Contact = 'connected' | 'late' | 'lost'
const lateMs = 2.5 * heartbeatMs
const lostMs = 60_000
const graceMs = 120_000

export function contact(lastSeenAt: number, serverStartedAt: number, now: number): Contact {
  const silent = now - lastSeenAt
  if (silent <= lateMs) return 'connected'
  return silent <= lostMs || now - serverStartedAt < graceMs ? 'late' : 'lost'
}

export type HostView = Omit<AgentState, 'engines'> & {
  readonly lastSeenAt: number
  readonly contact: Contact
  readonly engines: number
}
export type EngineView = EngineState & { readonly host: string; readonly contact: Contact }

export type RegistryLimits = { readonly hosts: number; readonly engines: number }

export type Registry = {
  /** Takes the report, or says which limit keeps it out: then what was known of the host stays. */
  report(state: AgentState, now: number): 'hosts_full' | 'engines_full' | null
  heard(host: string, now: number): void
  hosts(now: number): readonly HostView[]
  engines(now: number): readonly EngineView[]
  engine(host: string, name: string): EngineState | null
  forget(host: string): void
}

export function openRegistry(startedAt: number, limits: RegistryLimits): Registry {
  const known = new Map<string, { state: AgentState; lastSeenAt: number }>()
  let engines = 0
  return {
    report(state, now) {
      const before = known.get(state.host)
      if (before === undefined && known.size >= limits.hosts) return 'hosts_full'
      const after = engines - (before?.state.engines.length ?? 0) + state.engines.length
      if (after > limits.engines && after > engines) return 'engines_full'
      engines = after
      known.set(state.host, { state, lastSeenAt: now })
      return null
    },
    heard(host, now) {
      const found = known.get(host)
      if (found !== undefined) found.lastSeenAt = now
    },
    hosts: (now) =>
      [...known.values()].map(({ state, lastSeenAt }) => {
        const { engines, ...rest } = state
        return { ...rest, lastSeenAt, contact: contact(lastSeenAt, startedAt, now), engines: engines.length }
      }),
    engines: (now) =>
      [...known.values()].flatMap(({ state, lastSeenAt }) =>
        state.engines.map((engine) => ({ ...engine, host: state.host, contact: contact(lastSeenAt, startedAt, now) })),
      ),
    engine: (host, name) => known.get(host)?.state.engines.find((one) => one.name === name) ?? null,
    forget(host) {
      engines -= known.get(host)?.state.engines.length ?? 0
      known.delete(host)
    },
  }
}
