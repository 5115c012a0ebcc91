// The only way `core` touches files: a small set of synchronous and asynchronous calls that tests replace to inject short writes, torn
// writes, ENOSPC and EIO. Paths are absolute.

export type FileHandle = {
  /** Writes all bytes at the end of what this handle has written; a short write is the layer's business, not the caller's. */
  append(bytes: Uint8Array): void
  /** fdatasync. */
  sync(): void
  /** Runs the sync on another thread; resolves when the bytes are durable. */
  syncAsync(): Promise<void>
  truncate(bytes: number): void
  read(offset: number, length: number): Uint8Array
  size(): number
  close(): void
}

export type FileLayer = {
  open(path: string, mode: 'append' | 'read'): FileHandle
  exists(path: string): boolean
  readFile(path: string): Uint8Array
  /** Temp file in the same folder, write, fsync, rename, fsync of the folder: the name shows all of it or the old content. */
  writeAtomic(path: string, bytes: Uint8Array, mode?: number): void
  rename(from: string, to: string): void
  remove(path: string): void
  list(directory: string): readonly string[]
  makeDirectory(path: string, mode?: number): void
  syncDirectory(path: string): void
}
