// What a restarted server must know of its last life: whom it knew, so that it waits for them, and how far it had judged, so that it goes on from
// there.

import type { MarkTable } from './db/mark-table.ts'
import { caughtUp } from './fleet/catch-up.ts'
import type { HostTable } from './fleet/host-table-port.ts'
import type { HostView } from './fleet/registry.ts'
import type { Sessions, StreamPosition } from './session/session.ts'

/** Longest silence after which a host is still waited for. */
const recentMs = 10 * 60_000
/** A mark is set a little behind: what was just judged may still wait to be written, and judging it again changes nothing. */
const lagMs = 2000

export type Resume = {
  /** Milliseconds; null at a first start. */
  readonly rulesFrom: number | null
  /** Have the hosts told what this server missed? */
  ready(sessions: Pick<Sessions, 'connected' | 'behind'>): boolean
  /** How far the samples of hosts were taken: they need not be sent again, since the store outlives the server. */
  readonly taken: readonly StreamPosition[]
  keep(hosts: readonly HostView[], taken: readonly StreamPosition[], judging: boolean): Promise<void>
}

/** `taken/<epoch>/<host>`: a host's name may hold anything. */
const takenPrefix = 'taken/'
const epochDigits = 16

export async function openResume(deps: {
  readonly hosts: HostTable
  readonly marks: MarkTable
  readonly now: () => number
}): Promise<Resume> {
  const { hosts, marks, now } = deps
  const startedAt = now()
  const expected = await hosts.heardSince(startedAt - recentMs)
  return {
    rulesFrom: await marks.read('rules'),
    ready: (sessions) =>
      caughtUp({
        expected,
        connected: sessions.connected(),
        behind: sessions.behind(),
        elapsedMs: now() - startedAt,
      }),
    taken: (await marks.list(takenPrefix)).map(({ name, at }) => ({
      epoch: name.slice(takenPrefix.length, takenPrefix.length + epochDigits),
      host: name.slice(takenPrefix.length + epochDigits + 1),
      sequence: at,
    })),
    async keep(rows, taken, judging) {
      await hosts.save(rows, now())
      await marks.advanceAll(
        taken.map(({ host, epoch, sequence }) => ({ name: `${takenPrefix}${epoch}/${host}`, at: sequence })),
      )
      if (judging) await marks.advance('rules', now() - lagMs)
    },
  }
}
