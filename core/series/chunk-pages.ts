// Memory for chunks: pages of a mebibyte cut into slots of 16-byte steps; a slot given back is used again by the next chunk of its size. An
// address is a slot's number in such steps over all pages, never 0. Pages are shared memory, so that other threads can read sealed chunks.

const unit = 16
const pageBytes = 1 << 20
const unitsPerPage = pageBytes / unit
/** Bytes of a slot in front of the chunk: address of the older chunk (4), chunk length (2), slot size in units (2). */
const headBytes = 8

export type ChunkPages = {
  /** Copies a chunk in; `older` is the address of the chunk before it, 0 = none. */
  store(chunk: Uint8Array, length: number, older: number): number
  free(address: number): void
  chunk(address: number): Uint8Array
  older(address: number): number
  setOlder(address: number, older: number): void
  /** First time of the chunk, read without decoding it. */
  firstTime(address: number): number
  samples(address: number): number
  /** Chunks held. */
  readonly count: number
  readonly usedBytes: number
  readonly reservedBytes: number
}

export function openChunkPages(): ChunkPages {
  const pages: { readonly bytes: Uint8Array; readonly view: DataView }[] = []
  const free = new Map<number, number[]>()
  /** Next unused unit of the newest page; the first one of all is never given out. */
  let next = 1
  let used = 0
  let count = 0

  const addPage = (): void => {
    const memory = new SharedArrayBuffer(pageBytes)
    pages.push({ bytes: new Uint8Array(memory), view: new DataView(memory) })
  }
  const view = (address: number): DataView => pages[Math.floor(address / unitsPerPage)]!.view
  const offset = (address: number): number => (address % unitsPerPage) * unit
  const take = (units: number): number => {
    const reused = free.get(units)?.pop()
    if (reused !== undefined) return reused
    if (pages.length === 0) addPage()
    if ((next % unitsPerPage) + units > unitsPerPage || Math.floor(next / unitsPerPage) >= pages.length) {
      next = pages.length * unitsPerPage
      addPage()
    }
    next += units
    return next - units
  }

  return {
    store(chunk, length, older) {
      const units = Math.ceil((headBytes + length) / unit)
      const address = take(units)
      const at = offset(address)
      const page = pages[Math.floor(address / unitsPerPage)]!
      page.view.setUint32(at, older, true)
      page.view.setUint16(at + 4, length, true)
      page.view.setUint16(at + 6, units, true)
      page.bytes.set(length === chunk.length ? chunk : chunk.subarray(0, length), at + headBytes)
      used += units * unit
      count++
      return address
    },
    free(address) {
      const units = view(address).getUint16(offset(address) + 6, true)
      const list = free.get(units)
      if (list === undefined) free.set(units, [address])
      else list.push(address)
      used -= units * unit
      count--
    },
    chunk(address) {
      const at = offset(address)
      const page = pages[Math.floor(address / unitsPerPage)]!
      return page.bytes.subarray(at + headBytes, at + headBytes + page.view.getUint16(at + 4, true))
    },
    older: (address) => view(address).getUint32(offset(address), true),
    setOlder: (address, older) => view(address).setUint32(offset(address), older, true),
    firstTime: (address) => view(address).getFloat64(offset(address) + headBytes + 2, true),
    samples: (address) => view(address).getUint8(offset(address) + headBytes) + 1,
    get count() {
      return count
    },
    get usedBytes() {
      return used
    },
    get reservedBytes() {
      return pages.length * pageBytes
    },
  }
}
