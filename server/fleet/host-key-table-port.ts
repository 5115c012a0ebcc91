// Which key a host's name belongs to, as the database keeps it. Only hashes: whoever reads the table cannot come as a host.

export type HostKeyRow = {
  readonly host: string
  /** What kind of proof it is; certificates will be another. */
  readonly kind: 'secret'
  /** SHA-256 of the secret, hexadecimal. */
  readonly hash: string
}

export type HostKeyTable = {
  all(): Promise<readonly HostKeyRow[]>
  /** Answers the row that stands: this one, or that of who came first. */
  bind(row: HostKeyRow, now: number): Promise<HostKeyRow>
  /** False when it was not there. */
  forget(host: string): Promise<boolean>
}
