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
  /** The host is no longer waited for, and nothing of its samples is known. */
  forget(host: string): Promise<void>
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
  let expected = await hosts.heardSince(startedAt - recentMs)
  const taken = (await marks.list(takenPrefix)).map(({ name, at }) => ({
    epoch: name.slice(takenPrefix.length, takenPrefix.length + epochDigits),
    host: name.slice(takenPrefix.length + epochDigits + 1),
    sequence: at,
  }))
  const nameOf = ({ host, epoch }: Omit<StreamPosition, 'sequence'>): string => `${takenPrefix}${epoch}/${host}`
  /** Epochs of a host that the table holds: of a host that begins anew again and again only the last stays. */
  const kept = new Map<string, Set<string>>()
  for (const { host, epoch } of taken) kept.set(host, (kept.get(host) ?? new Set()).add(epoch))

  return {
    rulesFrom: await marks.read('rules'),
    ready: (sessions) =>
      caughtUp({
        expected,
        connected: sessions.connected(),
        behind: sessions.behind(),
        elapsedMs: now() - startedAt,
      }),
    taken,
    async keep(rows, positions, judging) {
      await hosts.save(rows, now())
      await marks.advanceAll(positions.map((one) => ({ name: nameOf(one), at: one.sequence })))
      const past = positions.flatMap(({ host, epoch }) =>
        [...(kept.get(host) ?? [])].filter((old) => old !== epoch).map((old) => nameOf({ host, epoch: old })),
      )
      await marks.remove(past)
      for (const { host, epoch } of positions) kept.set(host, new Set([epoch]))
      if (judging) await marks.advance('rules', now() - lagMs)
    },
    async forget(host) {
      expected = expected.filter((one) => one !== host)
      await hosts.forget(host)
      await marks.remove([...(kept.get(host) ?? [])].map((epoch) => nameOf({ host, epoch })))
      kept.delete(host)
    },
  }
}
