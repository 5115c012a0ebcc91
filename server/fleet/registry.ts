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

export type Registry = {
  report(state: AgentState, now: number): void
  heard(host: string, now: number): void
  hosts(now: number): readonly HostView[]
  engines(now: number): readonly EngineView[]
  engine(host: string, name: string): EngineState | null
}

export function openRegistry(startedAt: number): Registry {
  const known = new Map<string, { state: AgentState; lastSeenAt: number }>()
  return {
    report: (state, now) => void known.set(state.host, { state, lastSeenAt: now }),
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
  }
}
