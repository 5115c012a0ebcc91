// Writes GGUF v3 files for tests, sound or deliberately broken: the caller may lie about any count, length, type or offset.
// Invariant: without overrides the bytes are a file that any GGUF reader accepts.

/** A value with its GGUF type; numbers in a list are written as `i32`. */
export type GgufValue =
  | { readonly u32: number }
  | { readonly f32: number }
  | { readonly bool: boolean }
  | { readonly text: string }
  | { readonly texts: readonly string[] }
  | { readonly i32s: readonly number[] }
  | { readonly raw: Uint8Array }

export type TensorType = 'F32' | 'F16' | 'Q8_0'
export const tensorTypeIds: Readonly<Record<TensorType, number>> = { F32: 0, F16: 1, Q8_0: 8 }

export type GgufTensor = {
  readonly name: string
  /** Fastest dimension first, as in the file. */
  readonly dims: readonly number[]
  readonly type: TensorType
  readonly values: Float32Array
  /** Lies, for the parser's tests. */
  readonly statedDims?: readonly (number | bigint)[]
  readonly statedType?: number
  readonly statedOffset?: bigint
}

export type GgufFile = {
  readonly keys: ReadonlyMap<string, GgufValue>
  readonly tensors: readonly GgufTensor[]
  readonly version?: number
  readonly statedTensors?: bigint
  readonly statedKeys?: bigint
}

/** The file's bytes, and where each section begins (`header`, `key NAME`, `tensor NAME`, `data NAME`, `end`). */
export type Written = { readonly bytes: Uint8Array; readonly sections: ReadonlyMap<string, number> }

const alignment = 32

class ByteSink {
  private buffer = Buffer.alloc(1 << 16)
  length = 0
  /** Makes room and gives its place; may replace the buffer, so ask before touching it. */
  private room(count: number): number {
    if (this.length + count > this.buffer.length) {
      const larger = Buffer.alloc(Math.max(this.buffer.length * 2, this.length + count))
      this.buffer.copy(larger)
      this.buffer = larger
    }
    const at = this.length
    this.length += count
    return at
  }
  u32(value: number): void {
    const at = this.room(4)
    this.buffer.writeUInt32LE(value, at)
  }
  i32(value: number): void {
    const at = this.room(4)
    this.buffer.writeInt32LE(value, at)
  }
  u64(value: bigint): void {
    const at = this.room(8)
    this.buffer.writeBigUInt64LE(value, at)
  }
  f32(value: number): void {
    const at = this.room(4)
    this.buffer.writeFloatLE(value, at)
  }
  bytes(value: Uint8Array): void {
    const at = this.room(value.length)
    this.buffer.set(value, at)
  }
  text(value: string): void {
    const encoded = Buffer.from(value, 'utf8')
    this.u64(BigInt(encoded.length))
    this.bytes(encoded)
  }
  align(): void {
    this.room((alignment - (this.length % alignment)) % alignment)
  }
  done(): Uint8Array {
    return this.buffer.subarray(0, this.length)
  }
}

export function writeGguf(file: GgufFile): Written {
  const out = new ByteSink()
  const sections = new Map<string, number>([['header', 0]])
  out.bytes(Buffer.from('GGUF'))
  out.u32(file.version ?? 3)
  out.u64(file.statedTensors ?? BigInt(file.tensors.length))
  out.u64(file.statedKeys ?? BigInt(file.keys.size))
  for (const [key, value] of file.keys) {
    sections.set(`key ${key}`, out.length)
    out.text(key)
    writeValue(out, value)
  }
  const encoded = file.tensors.map((tensor) => encodeTensor(tensor.values, tensor.type))
  let offset = 0n
  file.tensors.forEach((tensor, i) => {
    sections.set(`tensor ${tensor.name}`, out.length)
    const dims = tensor.statedDims ?? tensor.dims
    out.text(tensor.name)
    out.u32(dims.length)
    for (const size of dims) out.u64(BigInt(size))
    out.u32(tensor.statedType ?? tensorTypeIds[tensor.type])
    out.u64(tensor.statedOffset ?? offset)
    const bytes = BigInt(encoded[i]!.length)
    offset += ((bytes + BigInt(alignment) - 1n) / BigInt(alignment)) * BigInt(alignment)
  })
  encoded.forEach((bytes, i) => {
    out.align()
    sections.set(`data ${file.tensors[i]!.name}`, out.length)
    out.bytes(bytes)
  })
  out.align()
  sections.set('end', out.length)
  return { bytes: out.done(), sections }
}

function writeValue(out: ByteSink, value: GgufValue): void {
  if ('raw' in value) return out.bytes(value.raw)
  if ('u32' in value) {
    out.u32(4)
    out.u32(value.u32)
  } else if ('f32' in value) {
    out.u32(6)
    out.f32(value.f32)
  } else if ('bool' in value) {
    out.u32(7)
    out.bytes(Uint8Array.of(value.bool ? 1 : 0))
  } else if ('text' in value) {
    out.u32(8)
    out.text(value.text)
  } else if ('texts' in value) {
    out.u32(9)
    out.u32(8)
    out.u64(BigInt(value.texts.length))
    for (const text of value.texts) out.text(text)
  } else {
    out.u32(9)
    out.u32(5)
    out.u64(BigInt(value.i32s.length))
    for (const number of value.i32s) out.i32(number)
  }
}

/** The values as a tensor's bytes; Q8_0 in blocks of 32 with the largest magnitude at 127. */
export function encodeTensor(values: Float32Array, type: TensorType): Uint8Array {
  if (type === 'F32')
    return new Uint8Array(values.buffer.slice(values.byteOffset, values.byteOffset + values.byteLength))
  if (type === 'F16') {
    const out = Buffer.alloc(values.length * 2)
    values.forEach((value, i) => {
      out.writeUInt16LE(floatToHalf(value), i * 2)
    })
    return out
  }
  if (values.length % 32 !== 0) throw new Error(`Q8_0 needs a multiple of 32 elements, got ${values.length}`)
  const out = Buffer.alloc((values.length / 32) * 34)
  for (let block = 0; block < values.length / 32; block++) {
    let most = 0
    for (let i = 0; i < 32; i++) most = Math.max(most, Math.abs(values[block * 32 + i]!))
    const scale = halfToFloat(floatToHalf(most / 127))
    out.writeUInt16LE(floatToHalf(scale), block * 34)
    for (let i = 0; i < 32; i++) {
      const level = scale === 0 ? 0 : Math.round(values[block * 32 + i]! / scale)
      out.writeInt8(Math.max(-127, Math.min(127, level)), block * 34 + 2 + i)
    }
  }
  return out
}

const bits = new DataView(new ArrayBuffer(4))

/** IEEE half of a float, ties to even; what is too large becomes infinity. */
export function floatToHalf(value: number): number {
  bits.setFloat32(0, value)
  const word = bits.getUint32(0)
  const sign = (word >>> 16) & 0x8000
  const magnitude = Math.abs(bits.getFloat32(0))
  if (Number.isNaN(magnitude)) return sign | 0x7e00
  if (magnitude >= 65520) return sign | 0x7c00
  if (magnitude < 2 ** -14) return sign | roundEven(magnitude * 2 ** 24)
  const exponent = ((word >>> 23) & 0xff) - 127
  return sign | (((exponent + 15) << 10) + roundEven((magnitude / 2 ** exponent - 1) * 1024))
}

function roundEven(value: number): number {
  const low = Math.floor(value)
  const rest = value - low
  return rest > 0.5 || (rest === 0.5 && low % 2 === 1) ? low + 1 : low
}

export function halfToFloat(half: number): number {
  const sign = half & 0x8000 ? -1 : 1
  const exponent = (half >>> 10) & 0x1f
  const fraction = half & 0x3ff
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}
