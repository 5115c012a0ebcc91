// Continuous batching must be invisible: a request gives the same tokens alone, in company, in chunks and after a preemption; whatever ends
// a request gives its memory back; and nothing is ever stuck.

import { describe, expect, it } from 'vitest'
import { type Answer, openEngine, type TestEngine, type TestRequest } from '../helpers/native-engine.ts'
import { random } from '../helpers/random.ts'
import { randomDeepseek, randomLlama, testVocabularySize } from '../helpers/random-model.ts'

const llama = randomLlama({ type: 'F32', seed: 51 })
const models = [
  { title: 'llama', model: llama },
  { title: 'deepseek2', model: randomDeepseek({ type: 'F32', seed: 52 }) },
] as const

const prompt = (seed: number, length: number): number[] => {
  const source = random(seed)
  return Array.from({ length }, () => source.integer(0, testVocabularySize - 2))
}
const sampled = (seed: number): Partial<TestRequest> => ({ temperature: 0.9, topK: 40, topP: 0.95, seed })
const requests: readonly TestRequest[] = Array.from({ length: 9 }, (_, i) => ({
  tokens: prompt(60 + i, 3 + 9 * i),
  maxTokens: 20,
  ...(i % 2 === 0 ? {} : sampled(i)),
}))
const tokensOf = (answers: readonly Answer[]): (readonly number[])[] => answers.map((answer) => answer.tokens)
const allAtOnce = (engine: TestEngine): Promise<Answer[]> => Promise.all(requests.map((one) => engine.generate(one)))

/** Looks until it holds; the engine publishes after each step. */
async function settled(engine: TestEngine): Promise<void> {
  for (let turn = 0; turn < 1000; turn++) {
    const { running, waiting, kvTokensActive } = engine.stats()
    if (running === 0 && waiting === 0 && kvTokensActive === 0) return
    await new Promise((resolve) => setImmediate(resolve))
  }
  throw new Error(`not settled: ${JSON.stringify(engine.stats())}`)
}

describe.each(models)('$title: a request gives the same tokens', ({ model }) => {
  const alone = async (): Promise<(readonly number[])[]> => {
    await using engine = await openEngine(model)
    const out: Answer[] = []
    for (const one of requests) out.push(await engine.generate(one))
    return tokensOf(out)
  }

  it('alone and among eight others', async () => {
    const expected = await alone()
    await using engine = await openEngine(model, { stepTokens: 512 })
    let most = 0
    engine.onEvent = (event) => {
      most = Math.max(most, event.batch)
    }
    expect(tokensOf(await allAtOnce(engine))).toEqual(expected)
    expect(most).toBeGreaterThan(1)
  })

  it('when its prompt is computed in chunks', async () => {
    const expected = await alone()
    await using engine = await openEngine(model, { maxBatch: 4, stepTokens: 4 })
    expect(tokensOf(await allAtOnce(engine))).toEqual(expected)
  })

  it('when it is preempted for lack of memory', async () => {
    const expected = await alone()
    await using engine = await openEngine(model, { kvTokens: 160 })
    expect(tokensOf(await allAtOnce(engine))).toEqual(expected)
    expect(engine.stats().preemptions).toBeGreaterThan(0)
    await settled(engine)
  })

  it('when it is computed by three threads', async () => {
    const expected = await alone()
    await using engine = await openEngine(model, { threads: 3 })
    expect(engine.handle.threads).toBe(3)
    expect(tokensOf(await allAtOnce(engine))).toEqual(expected)
  })
})

describe('sampling', () => {
  const request = (more: Partial<TestRequest>): TestRequest => ({ tokens: prompt(7, 12), maxTokens: 24, ...more })

  it('repeats itself with the same seed and not with another', async () => {
    await using engine = await openEngine(llama)
    const one = await engine.generate(request({ temperature: 1, seed: 5 }))
    const same = await engine.generate(request({ temperature: 1, seed: 5 }))
    const other = await engine.generate(request({ temperature: 1, seed: 6 }))
    expect(same.tokens).toEqual(one.tokens)
    expect(other.tokens).not.toEqual(one.tokens)
  })

  it.each([
    ['top-k of one', { temperature: 1.5, topK: 1 }],
    ['a top-p of nearly nothing', { temperature: 1.5, topP: 1e-6 }],
    ['a temperature of nearly nothing', { temperature: 1e-6 }],
    ['a temperature too small for a float', { temperature: 1e-60 }],
  ])('with %s is greedy', async (_title, more) => {
    await using engine = await openEngine(llama)
    const greedy = await engine.generate(request({}))
    const found = await engine.generate(request({ ...more, seed: 99 }))
    expect(found.tokens).toEqual(greedy.tokens)
  })

  it('chooses only from the k likeliest, and only from the smallest set that holds p', async () => {
    await using engine = await openEngine(llama)
    const [topK, topP] = [5, 0.6]
    let beyondFirst = 0
    for (let seed = 0; seed < 40; seed++) {
      for (const more of [{ topK }, { topP }]) {
        const answer = await engine.generate(request({ temperature: 1, seed, maxTokens: 6, topLogprobs: 20, ...more }))
        for (const event of answer.events) {
          const ranked = event.topLogprobs!
          const rank = ranked.findIndex(([token]) => token === event.token)
          expect(rank).toBeGreaterThanOrEqual(0)
          if (rank > 0) beyondFirst++
          if ('topK' in more) expect(rank).toBeLessThan(topK)
          else {
            const before = ranked.slice(0, rank).reduce((sum, [, logprob]) => sum + Math.exp(logprob), 0)
            expect(before).toBeLessThan(topP)
          }
        }
      }
    }
    expect(beyondFirst).toBeGreaterThan(50)
  })

  it('draws tokens as often as their probabilities say', async () => {
    await using engine = await openEngine(llama, { maxBatch: 64, maxQueue: 4096 })
    const draws = 3000
    const answers = await Promise.all(
      Array.from({ length: draws }, (_, seed) =>
        engine.generate(request({ temperature: 1, seed, maxTokens: 1, topLogprobs: 20 })),
      ),
    )
    const counts = new Map<number, number>()
    for (const { tokens } of answers) counts.set(tokens[0]!, (counts.get(tokens[0]!) ?? 0) + 1)
    for (const [token, logprob] of answers[0]!.events[0]!.topLogprobs!.slice(0, 5)) {
      const p = Math.exp(logprob)
      const deviation = Math.sqrt((p * (1 - p)) / draws)
      expect(Math.abs((counts.get(token) ?? 0) / draws - p)).toBeLessThan(5 * deviation)
    }
  })

  it('reports the probability of what it chose, under temperature one', async () => {
    await using engine = await openEngine(llama)
    const answer = await engine.generate(request({ temperature: 3, seed: 2, topLogprobs: 20 }))
    let compared = 0
    for (const event of answer.events) {
      const listed = event.topLogprobs!.find(([token]) => token === event.token)
      if (listed === undefined) continue
      expect(event.probability).toBeCloseTo(Math.exp(listed[1]), 5)
      compared++
    }
    expect(compared).toBeGreaterThan(0)
    for (const event of answer.events) {
      const shares = event.topLogprobs!.map(([, logprob]) => logprob)
      expect([...shares].sort((a, b) => b - a)).toEqual(shares)
      expect(shares.reduce((sum, share) => sum + Math.exp(share), 0)).toBeLessThanOrEqual(1.0001)
    }
  })

  it('fails one request in words when the model gives an infinity, and goes on', async () => {
    const values = Float32Array.from(llama.tensors.find((one) => one.name === 'output.weight')!.values)
    values[0] = Number.POSITIVE_INFINITY
    const broken = {
      ...llama,
      tensors: llama.tensors.map((one) => (one.name === 'output.weight' ? { ...one, values } : one)),
    }
    await using engine = await openEngine(broken)
    const answers: Answer[] = []
    for (let seed = 0; seed < 8; seed++) answers.push(await engine.generate(request({ tokens: prompt(seed, 5) })))
    const failed = answers.filter((answer) => answer.finish === 'failed')
    expect(failed.length).toBeGreaterThan(0)
    for (const answer of failed) expect(answer.error).toBe('the model gave no finite logits')
    await settled(engine)
  })
})

describe('a request ends', () => {
  it('at the number of tokens it asked for, none included', async () => {
    await using engine = await openEngine(llama)
    for (const maxTokens of [0, 1, 7]) {
      const answer = await engine.generate({ tokens: prompt(1, 5), maxTokens })
      expect(answer).toMatchObject({ finish: 'length', error: null })
      expect(answer.tokens.length).toBe(maxTokens)
    }
    await settled(engine)
  })

  it('at a stop token, which is not reported', async () => {
    await using engine = await openEngine(llama)
    const free = await engine.generate({ tokens: prompt(2, 5), maxTokens: 12 })
    const stop = free.tokens.at(-1)!
    const cut = await engine.generate({ tokens: prompt(2, 5), maxTokens: 12, stopTokens: Int32Array.of(stop) })
    expect(cut.finish).toBe('stop')
    expect(cut.tokens).toEqual(free.tokens.slice(0, free.tokens.indexOf(stop)))
  })

  it('where the context is full', async () => {
    await using engine = await openEngine(randomLlama({ type: 'F32', context: 32 }))
    const answer = await engine.generate({ tokens: prompt(3, 20), maxTokens: 1000 })
    expect(answer.finish).toBe('length')
    expect(answer.tokens.length).toBe(12)
    await settled(engine)
  })

  it('before it begins when its prompt leaves no room, in the context or in the pool', async () => {
    await using engine = await openEngine(randomLlama({ type: 'F32', context: 64 }), { kvTokens: 48 })
    expect(engine.submit({ tokens: prompt(4, 48) }).verdict).toBe('too_long')
    expect(engine.submit({ tokens: [] }).verdict).toBe('too_long')
    const most = await engine.generate({ tokens: prompt(4, 47), maxTokens: 5 })
    expect(most).toMatchObject({ finish: 'length' })
    expect(most.tokens.length).toBe(1)
  })

  it('at its deadline, while it runs and while it waits', async () => {
    await using engine = await openEngine(randomLlama({ type: 'F32', context: 1 << 16 }), {
      maxBatch: 1,
      kvTokens: 1 << 16,
    })
    const running = engine.submit({ tokens: prompt(5, 5), maxTokens: 60_000, deadlineMs: 400 })
    const waiting = engine.submit({ tokens: prompt(6, 5), maxTokens: 60_000, deadlineMs: 100 })
    const [first, second] = await Promise.all([running.answer, waiting.answer])
    expect(first.finish).toBe('deadline')
    expect(first.tokens.length).toBeGreaterThan(0)
    expect(second).toMatchObject({ finish: 'deadline', tokens: [] })
    await settled(engine)
  })

  it('when it is cancelled, and every block is free again', async () => {
    // Long enough that none comes to its own end before the cancel is heard, however busy this machine is.
    const long = randomLlama({ type: 'F32', context: 1 << 15 })
    await using engine = await openEngine(long, { maxBatch: 2, kvTokens: 1 << 16 })
    const begun = new Set<number>()
    engine.onEvent = (event) => {
      if (event.token >= 0 && !begun.has(event.id)) {
        begun.add(event.id)
        engine.handle.cancel(event.id)
      }
    }
    const many = Array.from({ length: 8 }, (_, i) => engine.submit({ tokens: prompt(i, 9), maxTokens: 30_000 }))
    engine.handle.cancel(many.at(-1)!.id)
    engine.handle.cancel(123_456)
    const answers = await Promise.all(many.map((one) => one.answer))
    for (const answer of answers) expect(answer.finish).toBe('cancelled')
    expect(answers.at(-1)!.tokens).toEqual([])
    await settled(engine)
  })

  it('with `cancelled` when the engine stops, and a stop may be asked for twice at once', async () => {
    await using engine = await openEngine(llama, { maxBatch: 2 })
    const many = Array.from({ length: 5 }, (_, i) => engine.submit({ tokens: prompt(i, 9), maxTokens: 10_000 }))
    await Promise.all([engine.handle.stop(), engine.handle.stop(), engine.handle.stop()])
    for (const one of many) expect((await one.answer).finish).toMatch(/cancelled|length/)
    expect(engine.submit({ tokens: [1] }).verdict).toBe('stopping')
    expect(engine.stats()).toMatchObject({ running: 0, waiting: 0, kvTokensActive: 0 })
  })
})

describe('the queue', () => {
  it('refuses what passes its limit and takes more when there is room', async () => {
    await using engine = await openEngine(llama, { maxBatch: 1, maxQueue: 2, kvTokens: 1024 })
    const submitted = Array.from({ length: 12 }, (_, i) => engine.submit({ tokens: prompt(i, 5), maxTokens: 30 }))
    const verdicts = submitted.map((one) => one.verdict)
    expect(verdicts.slice(0, 3)).toEqual(['accepted', 'accepted', 'accepted'])
    expect(verdicts.filter((one) => one === 'queue_full').length).toBeGreaterThan(5)
    await Promise.all(submitted.filter((one) => one.verdict === 'accepted').map((one) => one.answer))
    expect((await engine.generate({ tokens: [1, 2], maxTokens: 3 })).tokens.length).toBe(3)
  })

  it('lets a small request decode on while a long prompt is computed', async () => {
    await using engine = await openEngine(randomLlama({ type: 'F32', context: 2048 }), { stepTokens: 8, maxBatch: 4 })
    const order: number[] = []
    engine.onEvent = (event) => void order.push(event.id)
    const small = engine.submit({ tokens: prompt(1, 4), maxTokens: 100 })
    const long = engine.submit({ tokens: prompt(2, 500), maxTokens: 1 })
    await Promise.all([small.answer, long.answer])
    const firstOfLong = order.indexOf(long.id)
    expect(order.slice(0, firstOfLong).filter((id) => id === small.id).length).toBeGreaterThan(50)
  })
})

describe('every step is told, with how many requests it computed together', () => {
  const told = async (engine: TestEngine): Promise<readonly number[]> => {
    await settled(engine)
    // Stopping comes back after what was told before it.
    await engine.handle.stop()
    expect(engine.batches.length).toBe(engine.stats().steps)
    return engine.batches
  }

  it.each([
    ['that gives no token, of a prompt in chunks', { tokens: prompt(8, 40), maxTokens: 3 }, [1, 1, 1, 1, 1, 1, 1]],
    ['that only fills the cache', { tokens: prompt(8, 40), maxTokens: 0 }, [1, 1, 1, 1, 1]],
  ])('one %s', async (_title, request, batches) => {
    await using engine = await openEngine(llama, { stepTokens: 8, maxBatch: 4 })
    await engine.generate(request)
    expect(await told(engine)).toEqual(batches)
  })

  it('also among many, with preemptions', async () => {
    await using engine = await openEngine(llama, { kvTokens: 160, stepTokens: 16 })
    await allAtOnce(engine)
    const batches = await told(engine)
    expect(Math.max(...batches)).toBeGreaterThan(1)
    expect(engine.stats().preemptions).toBeGreaterThan(0)
  })

  it('and the end of a request that was cancelled is none', async () => {
    await using engine = await openEngine(randomLlama({ type: 'F32', context: 1 << 15 }), { kvTokens: 1 << 15 })
    engine.onEvent = (event) => engine.handle.cancel(event.id)
    const answer = await engine.generate({ tokens: prompt(9, 4), maxTokens: 30_000 })
    expect(answer.finish).toBe('cancelled')
    expect(new Set(await told(engine))).toEqual(new Set([1]))
  })
})

describe('a wrong request', () => {
  it.each([
    ['a token below zero', { tokens: [-1] }, /token -1 is outside the vocabulary/],
    ['a token past the vocabulary', { tokens: [testVocabularySize] }, /outside the vocabulary/],
    ['a temperature that is not a number', { temperature: Number.NaN }, /temperature is not a number/],
    ['a huge top-k', { topK: 1e20 }, /topK is not a whole number/],
    ['a negative length', { maxTokens: -1 }, /maxTokens is not a whole number/],
    ['half a token', { maxTokens: 1.5 }, /maxTokens is not a whole number/],
    ['an infinite deadline', { deadlineMs: Number.POSITIVE_INFINITY }, /deadlineMs is not a number/],
    ['too many log-probabilities', { topLogprobs: 21 }, /topLogprobs is not a whole number from 0 to 20/],
  ])('with %s is refused by the name of its field', async (_title, more, words) => {
    await using engine = await openEngine(llama)
    expect(() => engine.submit({ tokens: [1], ...more })).toThrow(words)
    expect((await engine.generate({ tokens: [1], maxTokens: 1 })).tokens.length).toBe(1)
  })
})

describe('five hundred mixed requests with random cancels', () => {
  it.each([71, 72])('leave nothing behind (seed %i)', async (seed) => {
    const source = random(seed)
    await using engine = await openEngine(llama, { maxBatch: 8, maxQueue: 1000, kvTokens: 240, stepTokens: 24 })
    const cancels = new Map<number, number>()
    const seen = new Map<number, number>()
    engine.onEvent = (event) => {
      const count = (seen.get(event.id) ?? 0) + 1
      seen.set(event.id, count)
      if (cancels.get(event.id) === count) engine.handle.cancel(event.id)
      const { kvTokensActive, kvTokensTotal, kvBytesActive, kvBytesReserved } = engine.stats()
      expect(kvTokensActive).toBeLessThanOrEqual(kvTokensTotal)
      expect(kvBytesActive).toBeLessThanOrEqual(kvBytesReserved)
    }
    const submitted = Array.from({ length: 500 }, (_, i) => {
      const one = engine.submit({
        tokens: prompt(1000 * seed + i, source.integer(1, 80)),
        maxTokens: source.integer(0, 60),
        ...(source.uniform() < 0.5 ? sampled(i) : {}),
        ...(source.uniform() < 0.1 ? { deadlineMs: source.integer(1, 40) } : {}),
        ...(source.uniform() < 0.2 ? { stopTokens: Int32Array.from(prompt(i, 20)) } : {}),
      })
      if (source.uniform() < 0.3) cancels.set(one.id, source.integer(1, 10))
      if (source.uniform() < 0.1) engine.handle.cancel(one.id)
      return one
    })
    expect(submitted.every((one) => one.verdict === 'accepted')).toBe(true)
    const answers = await Promise.all(submitted.map((one) => one.answer))
    const ends = new Set(answers.map((answer) => answer.finish))
    expect(ends).toEqual(new Set(['stop', 'length', 'cancelled', 'deadline']))
    for (const answer of answers) expect(answer.events.filter((event) => event.finish !== null).length).toBe(1)
    await settled(engine)
    expect(engine.stats().preemptions).toBeGreaterThan(0)
    expect((await engine.generate({ tokens: [1, 2, 3], maxTokens: 5 })).tokens.length).toBe(5)
  })
})
