import { compress } from 'snappyjs'
import { describe, expect, it } from 'vitest'
import { decodeLabels, decodeWriteRequest, encodeWriteRequest } from '../../../core/sample/remote-write.ts'
import type { SeriesSamples } from '../../../core/sample/sample.ts'
import { uncompressBlock } from '../../../core/sample/snappy.ts'
import { WriteScanner } from '../../../core/sample/write-scan.ts'
import { random } from '../../helpers/random.ts'

type Seen = (readonly [string, unknown])[]
const scanner = new WriteScanner()

function scan(body: Uint8Array): { seen: Seen; how: string } {
  const seen: Seen = []
  const how = scanner.scan(body, {
    series: (bytes, _view, from, to) => void seen.push(['series', decodeLabels(bytes, from, to)]),
    sample: (time, value, stale) => void seen.push(['sample', [time, stale ? 0 : value, stale]]),
  })
  return { seen, how }
}
function careful(body: Uint8Array): Seen {
  const seen: Seen = []
  decodeWriteRequest(body, {
    series: (labels) => void seen.push(['series', labels]),
    sample: (time, value, stale) => void seen.push(['sample', [time, stale ? 0 : value, stale]]),
  })
  return seen
}

function someSeries(seed: number): SeriesSamples[] {
  const source = random(seed)
  return Array.from({ length: source.integer(0, 20) }, (_, n) => {
    const count = source.integer(0, 5)
    return {
      labels: [
        ['__name__', source.pick(['up', 'inference_requests_total', '队列长度'])],
        ['n', 'x'.repeat(source.integer(0, 200)) + n],
      ],
      times: Array.from({ length: count }, () => source.pick([0, 1, 127, 128, 1_700_000_000_123, 2 ** 45])),
      values: Array.from({ length: count }, () =>
        source.pick([0, -0, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 5e-324]),
      ),
      stale: Array.from({ length: count }, () => source.uniform() < 0.2),
    }
  })
}

describe('the quick way through a remote-write body', () => {
  it('sees what the careful one sees', () => {
    for (let seed = 1; seed <= 300; seed++) {
      const body = encodeWriteRequest(someSeries(seed))
      const { seen, how } = scan(body)
      expect(how, `seed ${seed}`).toBe('done')
      expect(seen, `seed ${seed}`).toEqual(careful(body))
    }
  })

  it('leaves anything odd to the careful one, and tells nothing of it', () => {
    const inner = (...parts: number[]): Uint8Array => compress(Uint8Array.of(0x0a, parts.length, ...parts))
    const label = [0x0a, 6, 0x0a, 1, 0x61, 0x12, 1, 0x62]
    const value = [0x09, 0, 0, 0, 0, 0, 0, 0, 0]
    for (const [what, body] of [
      ['labels behind samples', inner(0x12, 11, ...value, 0x10, 5, ...label)],
      ['a negative time', inner(...label, 0x12, 20, ...value, 0x10, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1)],
      ['a time before its value', inner(...label, 0x12, 11, 0x10, 5, ...value)],
      ['an exemplar', inner(...label, 0x1a, 1, 0)],
      ['a sample without a time', inner(...label, 0x12, 9, ...value)],
      ['metadata', compress(Uint8Array.of(0x1a, 1, 0))],
      ['no snappy block', Uint8Array.of(255, 255, 255, 255, 255, 255)],
    ] as const) {
      expect(scan(body), what).toEqual({ seen: [], how: 'careful' })
    }
  })

  it('cut or changed anywhere it never reads past its end, and agrees with the careful one or leaves it to it', () => {
    const plain = uncompressBlock(encodeWriteRequest(someSeries(5)), 1 << 20)!
    const attempt = (bytes: Uint8Array, what: string): void => {
      const body = compress(bytes)
      let found: { seen: Seen; how: string }
      try {
        found = scan(body)
      } catch (error) {
        expect((error as { code?: string }).code, what).toBe('remote_write.malformed')
        return
      }
      if (found.how === 'done') expect(found.seen, what).toEqual(careful(body))
      else expect(found.seen, what).toEqual([])
    }
    for (let length = 0; length < plain.length; length++) attempt(plain.slice(0, length), `cut at ${length}`)
    for (let bit = 0; bit < plain.length * 8; bit += 3) {
      const hurt = plain.slice()
      hurt[bit >> 3]! ^= 1 << (bit & 7)
      attempt(hurt, `bit ${bit}`)
    }
  })
})
