// Remote write 2.0: what is written is read again, whatever order and form a sender chose; what is cut or changed is refused or read, never worse.

import { compress } from 'snappyjs'
import { describe, expect, it } from 'vitest'
import { encodeWriteRequest } from '../../../core/sample/remote-write.ts'
import { receivedLabels, type SeriesSamples } from '../../../core/sample/sample.ts'
import { uncompressBlock } from '../../../core/sample/snappy.ts'
import { decodeWrite2, encodeWrite2 } from '../../../core/sample/write-2.ts'
import { Write2Scanner } from '../../../core/sample/write-scan-2.ts'
import { random } from '../../helpers/random.ts'

function someSeries(seed: number): SeriesSamples[] {
  const source = random(seed)
  return Array.from({ length: source.integer(1, 20) }, (_, n) => {
    const count = source.integer(0, 5)
    const stale = Array.from({ length: count }, () => source.uniform() < 0.2)
    return {
      labels: [
        ['__name__', source.pick(['up', 'inference_requests_total', '队列长度'])],
        ['n', 'x'.repeat(source.integer(0, 200)) + n],
      ],
      times: Array.from({ length: count }, () =>
        source.pick([0, 127, 128, 1_700_000_000_123, 2 ** 45, -1, -(2 ** 40)]),
      ),
      values: stale.map((ended) =>
        ended ? Number.NaN : source.pick([0, -0, 1.5, Number.POSITIVE_INFINITY, 5e-324, Number.NaN]),
      ),
      stale,
    }
  })
}

const field = (tag: number, ...bytes: number[]): number[] => [tag, bytes.length, ...bytes]
const text = (words: string): number[] => [...new TextEncoder().encode(words)]
const value = [0x09, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f]
const table = ['', 'a', 'b'].flatMap((one) => field(0x22, ...text(one)))
const read = (...bytes: number[]) => decodeWrite2(compress(Uint8Array.from(bytes)))

describe('a body of remote write 2.0', () => {
  it('is read as it was written', () => {
    for (let seed = 1; seed <= 200; seed++) {
      const series = someSeries(seed)
      expect(decodeWrite2(encodeWrite2(series)), `seed ${seed}`).toEqual(series)
    }
  })

  it.each([
    ['label numbers one by one', [...table, ...field(0x2a, 0x08, 1, 0x08, 2, ...field(0x12, ...value, 0x10, 5))]],
    [
      'label numbers in two parts',
      [...table, ...field(0x2a, 0x0a, 1, 1, 0x0a, 1, 2, ...field(0x12, ...value, 0x10, 5))],
    ],
    ['labels behind the samples', [...table, ...field(0x2a, ...field(0x12, ...value, 0x10, 5), 0x0a, 2, 1, 2)]],
    ['the table behind the series', [...field(0x2a, 0x0a, 2, 1, 2, ...field(0x12, ...value, 0x10, 5)), ...table]],
    [
      'a time before its value, a start time, an exemplar, metadata and a field of tomorrow',
      [
        ...table,
        ...field(
          0x2a,
          0x0a,
          2,
          1,
          2,
          ...field(0x12, 0x10, 5, ...value, 0x18, 1),
          ...field(0x22, 9),
          ...field(0x2a, 8, 1),
          0x30,
          4,
        ),
        ...field(0x7a, 1),
      ],
    ],
  ])('may come with %s', (_what, bytes) => {
    expect(read(...bytes)).toEqual([{ labels: [['a', 'b']], times: [5], values: [1], stale: [false] }])
  })

  it.each<[string, ...number[]]>([
    ['a number past the table', 0x0a, 2, 1, 3],
    ['a name without a value', 0x0a, 1, 1],
    ['a number that does not end', 0x0a, 2, 1, 0x80],
    ['a number far too large', 0x0a, 6, 1, 0xff, 0xff, 0xff, 0xff, 0x0f],
  ])('tells a series with %s as one without labels, and goes on', (_what, ...refs) => {
    const sample = field(0x12, ...value, 0x10, 5)
    const found = read(...table, ...field(0x2a, ...refs, ...sample), ...field(0x2a, 0x0a, 2, 1, 2, ...sample))
    expect(found.map(({ labels, times }) => [labels, times])).toEqual([
      [[], [5]],
      [[['a', 'b']], [5]],
    ])
  })

  it.each([
    [
      'of 1.0',
      () => decodeWrite2(encodeWriteRequest(someSeries(1))),
      'a body of remote write 1.0 under the name of 2.0',
    ],
    ['that is no snappy block', () => decodeWrite2(Uint8Array.of(255, 255, 255, 255, 255, 255)), 'not a snappy block'],
    [
      'with a first symbol that says something',
      () => read(...field(0x22, 0x61)),
      'the first symbol is not the empty text',
    ],
    ['cut within a series', () => read(...table, 0x2a, 9, 0x0a), 'cut short'],
    ['with a group, which nobody sends', () => read(...table, ...field(0x2a, 0x0b)), 'wire type 3'],
  ])('%s is refused', (_what, attempt, words) => {
    expect(attempt).toThrow(words)
  })

  it('counts histograms and keeps none', () => {
    let histograms = 0
    new Write2Scanner().scan(
      compress(Uint8Array.from([...table, ...field(0x2a, 0x0a, 2, 1, 2, ...field(0x1a, 1), ...field(0x1a, 2))])),
      {
        symbols: () => {},
        series: () => {},
        sample: () => expect.unreachable(),
        histogram: () => void histograms++,
      },
    )
    expect(histograms).toBe(2)
  })

  it('cut or changed anywhere is read or refused, and tells nothing before it is refused', () => {
    const plain = uncompressBlock(encodeWrite2(someSeries(7)), 1 << 20)!
    let [taken, refused] = [0, 0]
    const attempt = (bytes: Uint8Array, what: string): void => {
      let told = 0
      const tell = (): void => void told++
      const scanner = new Write2Scanner()
      const series = (): void => {
        told++
        scanner.labels()
      }
      try {
        scanner.scan(compress(bytes), { symbols: tell, series, sample: tell, histogram: tell })
        taken++
      } catch (error) {
        expect((error as { code?: string }).code, what).toBe('remote_write.malformed')
        expect(told, what).toBe(0)
        refused++
      }
    }
    for (let length = 0; length < plain.length; length++) attempt(plain.slice(0, length), `cut at ${length}`)
    for (let bit = 0; bit < plain.length * 8; bit += 3) {
      const hurt = plain.slice()
      hurt[bit >> 3]! ^= 1 << (bit & 7)
      attempt(hurt, `bit ${bit}`)
    }
    expect(Math.min(taken, refused)).toBeGreaterThan(100)
  })
})

describe('labels as somebody sent them', () => {
  it.each([
    [
      'in order',
      [
        ['a', '1'],
        ['b', '2'],
      ],
      [
        ['a', '1'],
        ['b', '2'],
      ],
    ],
    [
      'out of order',
      [
        ['b', '2'],
        ['a', '1'],
      ],
      [
        ['a', '1'],
        ['b', '2'],
      ],
    ],
    [
      'with an empty value',
      [
        ['a', ''],
        ['b', '2'],
      ],
      [['b', '2']],
    ],
    [
      'with a name twice, which is for the head to refuse',
      [
        ['a', '2'],
        ['a', '1'],
      ],
      [
        ['a', '2'],
        ['a', '1'],
      ],
    ],
    ['with a NUL in a name', [['a\0', '1']], null],
  ] as const)('%s', (_what, sent, kept) => {
    expect(receivedLabels(sent)).toEqual(kept)
  })
})
