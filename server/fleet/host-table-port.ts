// Hosts as the database remembers them over restarts of the server: enough to know whom to wait for.

export type HostRow = {
  readonly host: string
  readonly bootId: string
  readonly version: string
  readonly startedAt: number
  readonly lastSeenAt: number
}

export type HostTable = {
  /** Writes all rows in one statement; a host that is known keeps its first sight. */
  save(rows: readonly HostRow[], now: number): Promise<void>
  /** Hosts heard of at or after `since`, milliseconds. */
  heardSince(since: number): Promise<readonly string[]>
  forget(host: string): Promise<void>
}
