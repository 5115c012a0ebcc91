// By what a host proves, over and over, that it is the one that came first under its name: a secret of its own, sent with the request that opens
// the channel, where a client certificate will stand once hosts are enrolled. docs/decisions/0005-a-host-keeps-its-name.md.

/** Header of the request that opens the channel. */
export const hostKeyHeader = 'inferward-host-key'

/** 256 bits in base64url. */
export const hostKeyBytes = 32
export const isHostKey = (text: string): boolean => /^[A-Za-z0-9_-]{43}$/.test(text)
