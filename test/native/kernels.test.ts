// Every fast kernel against the scalar reference, over odd shapes and awkward numbers; and one row alone against the same row among others.

import { describe, expect, it } from 'vitest'
import { encodeTensor, floatToHalf, halfToFloat, type TensorType, tensorTypeIds } from '../helpers/gguf-writer.ts'
import { nativeAddon, openEngine } from '../helpers/native-engine.ts'
import { type Random, random } from '../helpers/random.ts'
import { randomDeepseek, randomLlama, testVocabularySize } from '../helpers/random-model.ts'

const addon = nativeAddon()
const isas = ['scalar', 'avx2'] as const
/** A CPU without AVX2 has one set only; then there is nothing to compare. */
const hasAvx2 = (() => {
  try {
    addon.kernel('dot', 'avx2', [Float32Array.of(1), Float32Array.of(1)])
    return true
  } catch {
    return false
  }
})()
const types: readonly TensorType[] = ['F32', 'F16', 'Q8_0']

const floats = (source: Random, count: number, scale = 1): Float32Array =>
  Float32Array.from({ length: count }, () => source.normal() * scale)

/** The sum in doubles, and the sum of magnitudes that rounding is measured by. */
function exact(a: ArrayLike<number>, b: ArrayLike<number>): { sum: number; size: number } {
  let sum = 0
  let size = 0
  for (let i = 0; i < a.length; i++) {
    sum += a[i]! * b[i]!
    size += Math.abs(a[i]! * b[i]!)
  }
  return { sum, size }
}

/** What the bytes of a row mean, read here independently of the engine. */
function decode(bytes: Uint8Array, type: TensorType, count: number): Float64Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  return Float64Array.from({ length: count }, (_, i) => {
    if (type === 'F32') return view.getFloat32(4 * i, true)
    if (type === 'F16') return halfToFloat(view.getUint16(2 * i, true))
    const block = Math.floor(i / 32) * 34
    return halfToFloat(view.getUint16(block, true)) * view.getInt8(block + 2 + (i % 32))
  })
}

const tolerance = (size: number, terms: number): number => size * terms * 2 ** -24 + 1e-37

describe.runIf(hasAvx2)('matmul', () => {
  const shapes: { type: TensorType; rows: number; columns: number; count: number; seed: number }[] = []
  const source = random(21)
  for (const type of types) {
    for (let n = 0; n < 12; n++) {
      const columns = type === 'Q8_0' ? 32 * source.integer(1, 9) : source.pick([1, 7, 8, 9, 31, 33, 64, 127])
      shapes.push({ type, rows: source.integer(1, 13), columns, count: source.integer(1, 11), seed: n })
    }
  }

  it.each(
    shapes,
  )('$type, $rows rows of $columns, $count activations: both sets are within rounding of the truth', (shape) => {
    const { type, rows, columns, count } = shape
    const numbers = random(100 + shape.seed)
    const weights = encodeTensor(floats(numbers, rows * columns), type)
    const x = floats(numbers, count * columns)
    const rowBytes = weights.length / rows
    for (const isa of isas) {
      const out = addon.kernel('matmul', isa, [tensorTypeIds[type], rows, columns, weights, x])
      expect(out.length).toBe(rows * count)
      for (let t = 0; t < count; t++) {
        for (let r = 0; r < rows; r++) {
          const row = decode(weights.subarray(r * rowBytes, (r + 1) * rowBytes), type, columns)
          const { sum, size } = exact(row, x.subarray(t * columns, (t + 1) * columns))
          expect(Math.abs(out[t * rows + r]! - sum)).toBeLessThanOrEqual(tolerance(size, columns))
        }
      }
    }
  })

  it.each(types)('%s: a row gives the same bits alone as among ten', (type) => {
    const numbers = random(31)
    const [rows, columns, count] = [5, 96, 10]
    const weights = encodeTensor(floats(numbers, rows * columns), type)
    const x = floats(numbers, count * columns)
    for (const isa of isas) {
      const together = addon.kernel('matmul', isa, [tensorTypeIds[type], rows, columns, weights, x])
      for (let t = 0; t < count; t++) {
        const one = x.slice(t * columns, (t + 1) * columns)
        const alone = addon.kernel('matmul', isa, [tensorTypeIds[type], rows, columns, weights, one])
        expect([...alone]).toEqual([...together.subarray(t * rows, (t + 1) * rows)])
      }
    }
  })

  it('knows that the smallest byte of Q8_0 is -128', () => {
    const weights = new Uint8Array(34).fill(0x80)
    new DataView(weights.buffer).setUint16(0, floatToHalf(0.5), true)
    for (const isa of isas)
      expect([...addon.kernel('matmul', isa, [8, 1, 32, weights, new Float32Array(32).fill(1)])]).toEqual([-64 * 32])
  })

  it.each([
    ['the smallest denormal half', 0x0001, 2 ** -24],
    ['the largest denormal half', 0x03ff, 1023 * 2 ** -24],
    ['the smallest normal half', 0x0400, 2 ** -14],
    ['minus zero', 0x8000, 0],
    ['the largest half', 0x7bff, 65504],
    ['infinity', 0x7c00, Number.POSITIVE_INFINITY],
    ['not a number', 0x7e00, Number.NaN],
  ])('reads %s alike as a weight and as a scale', (_title, half, value) => {
    const one = new Uint8Array(2)
    new DataView(one.buffer).setUint16(0, half, true)
    const eight = new Uint8Array(16)
    for (let i = 0; i < 8; i++) eight.set(one, 2 * i)
    const block = new Uint8Array(34)
    block.set(one)
    block[2] = 1
    const first = (length: number): Float32Array => Float32Array.from({ length }, (_, i) => (i === 0 ? 1 : 0))
    for (const isa of isas) {
      expect(addon.kernel('matmul', isa, [1, 1, 1, one, first(1)])[0]).toBe(value + 0)
      const eightfold = addon.kernel('matmul', isa, [1, 1, 8, eight, new Float32Array(8).fill(1)])[0]
      expect(eightfold).toBe(value * 8)
      const scaled = addon.kernel('matmul', isa, [8, 1, 32, block, first(32)])[0]
      // An infinite scale makes no number of the block's zeros; which of the two it becomes is left to the order of sums.
      if (value === Number.POSITIVE_INFINITY) expect(Number.isFinite(scaled)).toBe(false)
      else expect(scaled).toBe(value + 0)
    }
  })

  it('keeps denormal activations instead of flushing them', () => {
    const tiny = 2 ** -140
    for (const isa of isas) {
      const out = addon.kernel('dot', isa, [new Float32Array(9).fill(tiny), new Float32Array(9).fill(1)])
      expect(out[0]).toBe(9 * tiny)
    }
  })
})

describe.runIf(hasAvx2)('the vector kernels', () => {
  const lengths = [1, 2, 7, 8, 9, 15, 16, 17, 100, 1023]
  it.each(lengths)('agree over %i elements', (n) => {
    const source = random(n)
    const [a, b] = [floats(source, n), floats(source, n)]
    const { sum, size } = exact(a, b)
    for (const isa of isas)
      expect(Math.abs(addon.kernel('dot', isa, [a, b])[0]! - sum)).toBeLessThanOrEqual(tolerance(size, n))
    const [slow, fast] = isas.map((isa) => addon.kernel('axpy', isa, [0.3, a, b]))
    slow!.forEach((value, i) => {
      const rounding = (Math.abs(0.3 * a[i]!) + Math.abs(value)) * 2 ** -23
      expect(Math.abs(fast![i]! - value)).toBeLessThanOrEqual(rounding)
    })
    for (const name of ['rms_norm', 'silu_mul']) {
      const inputs = name === 'rms_norm' ? [a, b, 1e-5] : [a, b]
      expect(addon.kernel(name, 'avx2', inputs)).toEqual(addon.kernel(name, 'scalar', inputs))
    }
  })

  it('normalises to a root mean square of one', () => {
    const x = floats(random(3), 200, 7)
    const out = addon.kernel('rms_norm', 'scalar', [x, new Float32Array(200).fill(1), 0])
    expect(Math.sqrt(exact(out, out).sum / 200)).toBeCloseTo(1, 5)
  })
})

describe('a call of a kernel with wrong inputs', () => {
  const x = new Float32Array(4)
  it.each([
    ['an unknown kernel', 'sum', [x, x], /kernel sum: unknown/],
    ['no columns', 'matmul', [0, 1, 0, new Uint8Array(0), x], /input 2/],
    ['rows that are not a number', 'matmul', [0, Number.NaN, 4, new Uint8Array(16), x], /input 1/],
    ['weights of another size', 'matmul', [0, 2, 4, new Uint8Array(16), x], /weights have another size/],
    ['activations of another size', 'matmul', [0, 1, 4, new Uint8Array(16), new Float32Array(5)], /activations/],
    ['a weight type that it does not know', 'matmul', [2, 1, 32, new Uint8Array(18), new Float32Array(32)], /input 0/],
    ['half a block', 'matmul', [8, 1, 16, new Uint8Array(17), new Float32Array(16)], /blocks/],
    ['vectors of different lengths', 'dot', [x, new Float32Array(3)], /different lengths/],
    ['empty vectors', 'rms_norm', [new Float32Array(0), new Float32Array(0), 1e-5], /none/],
    ['a list in place of an array', 'dot', [x, 4], /input 1 is not a Float32Array/],
  ] as const)('%s is refused', (_title, name, inputs, words) => {
    expect(() => addon.kernel(name, 'scalar', inputs)).toThrow(words)
  })
})

describe.runIf(hasAvx2)('whole models', () => {
  it.each([
    ...types.map((type) => ({ title: `llama ${type}`, model: randomLlama({ type, seed: 41 }) })),
    ...types.map((type) => ({ title: `deepseek2 ${type}`, model: randomDeepseek({ type, seed: 42 }) })),
  ])('$title: logits agree between the sets, and greedy text is the same', async ({ model }) => {
    const source = random(43)
    const prompt = Array.from({ length: 40 }, () => source.integer(0, testVocabularySize - 1))
    const texts: (readonly number[])[] = []
    const logits: Float32Array[] = []
    for (const isa of isas) {
      await using engine = await openEngine(model, { isa })
      expect(engine.handle.isa).toBe(isa)
      texts.push((await engine.generate({ tokens: prompt, maxTokens: 24 })).tokens)
      const options = { ...engine.options, telemetryPath: '' }
      logits.push(await addon.logits(options, Int32Array.from(prompt), false))
      const single = await addon.logits(options, Int32Array.from(prompt), true)
      expect([...single]).toEqual([...logits.at(-1)!])
    }
    const [slow, fast] = logits
    let most = 0
    slow!.forEach((value, i) => {
      most = Math.max(most, Math.abs(value - fast![i]!))
    })
    expect(most).toBeLessThan(2e-4)
    expect(texts[1]).toEqual(texts[0])
  })
})
