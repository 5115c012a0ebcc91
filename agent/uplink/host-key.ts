// The host's own key: made once, kept in the data folder with mode 0600. Invariant: a key that is not on disk is not shown to a server, since
// after a restart there would be another, and the name would belong to the first.

import type { FileLayer } from '../../core/base/file-layer.ts'
import { type Secret, secret } from '../../core/base/redact.ts'
import { hostKeyBytes, isHostKey } from '../../core/wire/host-key.ts'

/** Answers the key, made when the file is absent. Throws in words when it can be neither read nor written. */
export function hostKey(options: {
  readonly files: FileLayer
  readonly path: string
  readonly random: (bytes: Uint8Array) => Uint8Array
}): Secret {
  const { files, path } = options
  if (!files.exists(path)) {
    const made = Buffer.from(options.random(new Uint8Array(hostKeyBytes))).toString('base64url')
    files.writeAtomic(path, new TextEncoder().encode(`${made}\n`), 0o600)
    return secret(made)
  }
  const text = new TextDecoder().decode(files.readFile(path)).trim()
  // Never replaced by ourselves: the server would take the next one for another host.
  if (!isHostKey(text)) throw new Error(`${path} holds no key: bring it back, or remove it and have the host forgotten`)
  return secret(text)
}
