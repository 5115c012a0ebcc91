// Who judges the host-local rules of a host (docs/decisions/0008). One at a time: while they move, nobody does.

export type Owner =
  | { readonly kind: 'server' }
  /** Offered under this term; its agent has not answered yet. `since` by the monotonic clock. */
  | { readonly kind: 'moving'; readonly term: string; readonly since: number }
  | { readonly kind: 'agent'; readonly term: string }

export type HostRecord = {
  owner: Owner
  /** Its agent is connected, and works rules out. */
  capable: boolean
  /** By the monotonic clock. */
  lastHeard: number
  /** Rules that its agent would not take, over this connection. */
  refused: string | null
  /** What is done for this host is done one after another. */
  work: Promise<void>
}

export const newRecord = (now: number): HostRecord => ({
  owner: { kind: 'server' },
  capable: false,
  lastHeard: now,
  refused: null,
  work: Promise.resolve(),
})
