// Bit streams over a caller's bytes, lowest bit first. Neither checks on each call: the writer is given room for the worst case, the reader says
// afterwards whether it ran past its end.

export class BitWriter {
  private bytes: Uint8Array = new Uint8Array(0)
  private at = 0
  private held = 0
  private count = 0

  start(bytes: Uint8Array, at: number): void {
    this.bytes = bytes
    this.at = at
    this.held = 0
    this.count = 0
  }

  /** `width` from 0 to 32; `value` as an unsigned number below 2^width. */
  write(value: number, width: number): void {
    if (width > 16) {
      this.short(value & 0xffff, 16)
      this.short(value >>> 16, width - 16)
    } else this.short(value, width)
  }

  private short(value: number, width: number): void {
    // At most 7 bits are held, so 7 + 16 stay below 32.
    this.held |= value << this.count
    this.count += width
    while (this.count >= 8) {
      this.bytes[this.at++] = this.held & 0xff
      this.held >>>= 8
      this.count -= 8
    }
  }

  /** Writes what is held and answers where the next byte goes. */
  finish(): number {
    if (this.count > 0) this.bytes[this.at++] = this.held & 0xff
    this.count = 0
    this.held = 0
    return this.at
  }
}

export class BitReader {
  private bytes: Uint8Array = new Uint8Array(0)
  private at = 0
  private held = 0
  private count = 0

  start(bytes: Uint8Array, at: number): void {
    this.bytes = bytes
    this.at = at
    this.held = 0
    this.count = 0
  }

  /** Unsigned, `width` from 0 to 32. Past the end it reads zeros. */
  read(width: number): number {
    if (width <= 16) return this.short(width)
    const low = this.short(16)
    return (low | (this.short(width - 16) << 16)) >>> 0
  }

  private short(width: number): number {
    while (this.count < width) {
      this.held |= (this.bytes[this.at++] ?? 0) << this.count
      this.count += 8
    }
    const value = this.held & ((1 << width) - 1)
    this.held >>>= width
    this.count -= width
    return value
  }

  /** First byte behind what was read, rounded up. */
  get end(): number {
    return this.at - (this.count >> 3)
  }
}
