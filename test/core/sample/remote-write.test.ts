// Remote write: what is encoded comes back, whatever is cut or flipped is one kind of error, and no small body costs much.

import { compress } from 'snappyjs'
import { describe, expect, it } from 'vitest'
import { isInferwardError } from '../../../core/base/errors.ts'
import { decodeWriteRequest, encodeWriteRequest, maxBodyBytes } from '../../../core/sample/remote-write.ts'
import type { SeriesSamples } from '../../../core/sample/sample.ts'
import { uncompressBlock } from '../../../core/sample/snappy.ts'
import { random } from '../../helpers/random.ts'

function decode(body: Uint8Array): SeriesSamples[] {
  const out: { labels: SeriesSamples['labels']; times: number[]; values: number[]; stale: boolean[] }[] = []
  decodeWriteRequest(body, {
    series: (labels) => void out.push({ labels, times: [], values: [], stale: [] }),
    sample(time, value, stale) {
      const last = out.at(-1)!
      last.times.push(time)
      last.values.push(value)
      last.stale.push(stale)
    },
  })
  return out
}

/** The words of the refusal; any other kind of error ends the test. */
function refusal(body: Uint8Array): string | null {
  try {
    decode(body)
    return null
  } catch (error) {
    if (!isInferwardError(error) || error.code !== 'remote_write.malformed') throw error
    return error.message
  }
}

const text = new TextEncoder()
/** Protobuf by hand, so that the decoder is not judged by its own encoder. */
const field = (number: number, content: Uint8Array | number[]): number[] => [
  number * 8 + 2,
  ...varint(content.length),
  ...content,
]
function varint(value: number): number[] {
  const out: number[] = []
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...out, rest]
    out.push((rest % 128) + 128)
  }
}
const label = (name: string, value: string): number[] =>
  field(1, [...field(1, text.encode(name)), ...field(2, text.encode(value))])
const packed = (bytes: readonly number[]): Uint8Array => compress(Uint8Array.from(bytes))

describe('remote write', () => {
  const seed = Date.now() >>> 0
  it(`gives back what was encoded (seed ${seed})`, () => {
    const { integer, pick, uniform } = random(seed)
    const value = (): number =>
      pick([0, -0, 1, -1.5, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 5e-324, 1.7e308, uniform()])
    for (let run = 0; run < 200; run++) {
      const series = Array.from({ length: integer(0, 12) }, (_, n): SeriesSamples => {
        const count = integer(0, 20)
        return {
          labels: [
            ['__name__', `m${n}`],
            ['l', pick(['', 'plain', '文字 🚀', 'x'.repeat(300), '"\\\n'])],
          ],
          times: Array.from({ length: count }, () => integer(-(2 ** 40), 2 ** 50)),
          values: Array.from({ length: count }, value),
          stale: Array.from({ length: count }, () => uniform() < 0.2),
        }
      })
      const back = decode(encodeWriteRequest(series))
      const seen = (one: SeriesSamples) => ({
        ...one,
        values: one.values.map((number, index) => (one.stale?.[index] ? 'stale' : number)),
      })
      expect(back.map(seen), `seed ${seed}, run ${run}`).toEqual(series.map(seen))
    }
  })

  it('keeps -0, the extremes of time and a stale mark apart from an ordinary NaN', () => {
    const [one] = decode(
      encodeWriteRequest([
        {
          labels: [['__name__', 'm']],
          times: [Number.MIN_SAFE_INTEGER, -1, 0, Number.MAX_SAFE_INTEGER],
          values: [-0, Number.NaN, 0, 1],
          stale: [false, false, true, false],
        },
      ]),
    )
    expect(one!.times).toEqual([Number.MIN_SAFE_INTEGER, -1, 0, Number.MAX_SAFE_INTEGER])
    expect(Object.is(one!.values[0], -0)).toBe(true)
    expect(one!.values[1]).toBeNaN()
    expect(one!.stale).toEqual([false, false, true, false])
  })

  it('reads fields in any order and skips those it does not know', () => {
    const body = packed([
      ...field(3, [1, 2, 3]),
      ...field(1, [
        ...field(2, [0x10, 7, 0x09, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 0x18, 5]),
        ...label('__name__', 'late'),
        0x1d,
        1,
        2,
        3,
        4,
        0x21,
        1,
        2,
        3,
        4,
        5,
        6,
        7,
        8,
      ]),
      0x10,
      0xff,
      0x01,
    ])
    expect(decode(body)).toEqual([{ labels: [['__name__', 'late']], times: [7], values: [1], stale: [false] }])
  })

  it('is refused, or shorter, when it is cut at any byte: packed or bare', () => {
    const series = Array.from({ length: 3 }, (_, n) => ({
      labels: [['__name__', `metric_${n}`]] as const,
      times: [1000, 2000],
      values: [1, 2],
    }))
    const whole = encodeWriteRequest(series)
    const bare = uncompressBlock(whole, 1 << 20)!
    for (let cut = 0; cut < whole.length; cut++) expect(refusal(whole.subarray(0, cut)), `cut ${cut}`).not.toBeNull()
    for (let cut = 0; cut < bare.length; cut++) {
      const body = compress(bare.slice(0, cut))
      const told = refusal(body)
      if (told === null) expect(decode(body).length).toBeLessThan(3)
      else expect(told).toBe('remote write body: cut short')
    }
  })

  it(`answers any flipped or random bytes with samples or one kind of error (seed ${seed})`, () => {
    const { integer } = random(seed)
    const whole = encodeWriteRequest([{ labels: [['__name__', 'm']], times: [1, 2, 3], values: [1, 2, 3] }])
    for (let run = 0; run < 3000; run++) {
      const body =
        run % 2 === 0 ? Uint8Array.from(whole) : Uint8Array.from({ length: integer(0, 60) }, () => integer(0, 255))
      if (run % 2 === 0) body[integer(0, body.length - 1)] = integer(0, 255)
      refusal(body)
      refusal(compress(body))
    }
  })

  it.each([
    ['an empty body', new Uint8Array(), 'not a snappy block'],
    ['a body past the limit', new Uint8Array(maxBodyBytes + 1), 'at most'],
    ['a length of five bytes and no end', Uint8Array.of(255, 255, 255, 255, 255, 1), 'not a snappy block'],
    ['128 MB claimed by five bytes', Uint8Array.of(0x80, 0x80, 0x80, 0x40, 0), 'not a snappy block'],
    ['a series longer than the body', packed([0x0a, 100, 1]), 'cut short'],
    ['a length of 2^63', packed([0x0a, 255, 255, 255, 255, 255, 255, 255, 255, 127]), 'cut short'],
    ['a number without an end', packed([0x0a, ...Array(11).fill(0x80)]), 'too long'],
    ['a group, which nobody sends', packed([0x0b]), 'wire type 3'],
    ['a fixed field past the end', packed([0x11, 1, 2]), 'cut short'],
    ['a double past the end', packed(field(1, field(2, [0x09, 1, 2]))), 'cut short'],
    ['a label that is not UTF-8', packed(field(1, field(1, field(1, [0xff, 0xfe])))), 'UTF-8'],
    ['a label of 70 000 bytes', packed(field(1, label('a'.repeat(70_000), ''))), '70000 bytes'],
    ['129 labels', packed(field(1, Array.from({ length: 129 }, () => label('a', 'b')).flat())), 'more than 128 labels'],
  ])('refuses %s', (_name, body, words) => {
    expect(refusal(body)).toContain(words)
  })

  it('takes 128 labels', () => {
    expect(decode(packed(field(1, Array.from({ length: 128 }, () => label('a', 'b')).flat())))[0]!.labels).toHaveLength(
      128,
    )
  })

  it('costs neither minutes nor memory when a small body holds millions of empty samples', () => {
    const empty = Buffer.alloc(24 << 20, Buffer.from([0x12, 0x00]))
    const body = compress(Buffer.concat([Buffer.from([0x0a, ...varint(empty.length)]), empty]))
    expect(body.length).toBeLessThan(3 << 20)
    const before = process.memoryUsage().heapUsed
    let peak = 0
    let seen = 0
    const visit = (): void =>
      decodeWriteRequest(body, {
        series: () => {},
        sample() {
          if (++seen % 500_000 === 0) peak = Math.max(peak, process.memoryUsage().heapUsed - before)
        },
      })
    expect(visit).toThrow('more than 5000000 samples')
    expect(peak).toBeLessThan(256 << 20)
  })
})

describe('snappy', () => {
  it.each([
    [
      'a literal whose length is negative in 32 bits, which sends a careless reader back for ever',
      [8, 0xfc, 0xfa, 0xff, 0xff, 0xff],
    ],
    ['a literal past the end', [4, 0x0c, 1, 2]],
    ['a literal longer than was claimed', [1, 0x0c, 1, 2, 3, 4]],
    ['a copy from before the beginning', [8, 0x00, 1, 0x01, 9]],
    ['a copy of distance nought', [8, 0x00, 1, 0x01, 0]],
    ['a copy longer than was claimed', [2, 0x00, 1, 0x0d, 1]],
    ['a copy cut in its offset', [8, 0x00, 1, 0x02, 1]],
    ['less than was claimed', [9, 0x00, 1]],
  ])('refuses %s', (_name, bytes) => {
    expect(uncompressBlock(Uint8Array.from(bytes), 1 << 20)).toBeNull()
  })

  it('repeats what a copy writes itself', () => {
    expect([...uncompressBlock(Uint8Array.of(9, 0x04, 1, 2, 0x0d, 2), 100)!]).toEqual([1, 2, 1, 2, 1, 2, 1, 2, 1])
  })

  it('copies every length from every distance, wherever it ends, and writes nothing past its end', () => {
    for (let offset = 1; offset <= 12; offset++) {
      for (let length = 4; length <= 11; length++) {
        for (let rest = 0; rest <= 5; rest++) {
          // Twelve bytes as they are, a copy of them, and a few behind it.
          const front = Array.from({ length: 12 }, (_, i) => i + 1)
          const behind = Array.from({ length: rest }, (_, i) => 100 + i)
          const expected = [...front]
          for (let i = 0; i < length; i++) expected.push(expected[expected.length - offset]!)
          expected.push(...behind)
          const copy = [((length - 4) << 2) | 1, offset]
          const literal = rest === 0 ? [] : [(rest - 1) << 2, ...behind]
          const block = Uint8Array.of(expected.length, 11 << 2, ...front, ...copy, ...literal)
          const memory = new Uint8Array(64).fill(0xee)
          const out = uncompressBlock(block, 100, (bytes) => memory.subarray(8, 8 + bytes))!
          expect([...out], `${length} from ${offset}, ${rest} behind`).toEqual(expected)
          expect(memory.subarray(8 + out.length).every((byte) => byte === 0xee)).toBe(true)
          expect(memory.subarray(0, 8).every((byte) => byte === 0xee)).toBe(true)
        }
      }
    }
  })

  const seed = Date.now() >>> 0
  it(`gives back what was packed (seed ${seed})`, () => {
    const { integer } = random(seed)
    for (let run = 0; run < 100; run++) {
      const bytes = Uint8Array.from({ length: integer(0, 3000) }, () => integer(0, run % 7))
      expect(Buffer.from(uncompressBlock(compress(bytes), 1 << 20)!).equals(bytes), `seed ${seed}, run ${run}`).toBe(
        true,
      )
      if (bytes.length > 0) expect(uncompressBlock(compress(bytes), bytes.length - 1)).toBeNull()
    }
  })
})
