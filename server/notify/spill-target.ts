// Where `spill_to` leads: to another receiver that has a channel. Pure; told at the start, since a way out that leads nowhere is found out on the
// worst night.

type Receivers = readonly ({ readonly name: string } & Readonly<Record<string, unknown>>)[]

export type WrongSpill = { readonly path: readonly (string | number)[]; readonly message: string }

/** Faults of one receiver; its channels stand under their kind, each with `spillTo` or without. */
export function wrongSpills(receivers: Receivers, at: number): readonly WrongSpill[] {
  const { name: own, ...kinds } = receivers[at]!
  return Object.entries(kinds).flatMap(([kind, channels]) =>
    listOf(channels).flatMap((channel, index) => {
      const to = (channel as { readonly spillTo?: string }).spillTo
      const message = to === undefined ? null : wrong(receivers, own, to)
      return message === null ? [] : [{ path: [`${kind}_configs`, index, 'spill_to'], message }]
    }),
  )
}

function wrong(receivers: Receivers, own: string, to: string): string | null {
  if (to === own) return 'a receiver cannot take over from itself: name another'
  const other = receivers.find((one) => one.name === to)
  if (other === undefined) return `receiver "${to}" is not defined under receivers`
  return Object.values(other).some((channels) => listOf(channels).length > 0) ? null : `receiver "${to}" has no channel`
}

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])
