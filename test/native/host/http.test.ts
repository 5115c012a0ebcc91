// The engine's HTTP surface as a client meets it: every endpoint, every refusal by the name of the field, streams, leaving, loading, draining.

import { get as httpGet, request } from 'node:http'
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { metricCatalogue } from '../../../core/sample/metric-catalogue.ts'
import { randomLlama } from '../../helpers/random-model.ts'
import { type Answer, eventually, openTestHost, send, type TestHost } from './open-host.ts'

const model = randomLlama({ type: 'F32', seed: 81, context: 128 })
/** Room for a long answer, and no token that ends one early: what runs, runs until it is told otherwise. */
const large = (() => {
  const file = randomLlama({ type: 'F32', seed: 81, context: 1 << 15 })
  const keys = new Map(file.keys)
  keys.delete('tokenizer.ggml.eos_token_id')
  return { ...file, keys }
})()

let shared: TestHost
beforeAll(async () => {
  shared = await openTestHost(model)
})
afterAll(() => shared[Symbol.asyncDispose]())

type Fault = { message: string; type: string; param: string | null; code: string }
const faultOf = (answer: Answer): Fault => answer.json().error as Fault
const events = (answer: Answer): string[] =>
  answer.text
    .split('\n\n')
    .filter((block) => block !== '')
    .map((block) => {
      expect(block).toMatch(/^data: [^\n]+$/)
      return block.slice('data: '.length)
    })
type Chunk = { choices: { text?: string; delta?: { content?: string }; finish_reason: string | null }[] }
const chunks = (answer: Answer): Chunk[] =>
  events(answer)
    .filter((event) => event !== '[DONE]')
    .map((event) => JSON.parse(event) as Chunk)

describe('an engine that serves', () => {
  it('says so, with its life and its model', async () => {
    const health = await shared.get('/health')
    expect(health.status).toBe(200)
    expect(health.json()).toEqual({ status: 'ok', incarnation: 'life-1', model: 'tiny' })
    const models = (await shared.get('/v1/models')).json().data as { id: string; max_model_len: number }[]
    expect(models.map(({ id, max_model_len }) => [id, max_model_len])).toEqual([
      ['tiny', 128],
      ['default', 128],
    ])
  })

  it('completes a text, and says what it cost', async () => {
    const answer = await shared.post('/v1/completions', { prompt: 'the sea', max_tokens: 9, temperature: 0 })
    expect(answer.status).toBe(200)
    const body = answer.json()
    expect(body).toMatchObject({
      object: 'text_completion',
      model: 'tiny',
      usage: { completion_tokens: 9 },
      choices: [{ index: 0, logprobs: null, finish_reason: 'length' }],
    })
    const usage = body.usage as Record<string, number>
    expect(usage.total_tokens).toBe(usage.prompt_tokens! + 9)
    expect(body.confidence).toBeGreaterThan(0)
    expect(body.confidence).toBeLessThanOrEqual(1)
    expect(body.id).toBe(`cmpl-${String(answer.headers['x-request-id'])}`)
    for (const part of ['queue_ms', 'prefill_ms', 'decode_ms'])
      expect((body.timings as Record<string, number>)[part]).toBeGreaterThanOrEqual(0)
  })

  it.each(['tiny', 'default', undefined])('answers to the model name %s', async (name) => {
    const answer = await shared.post('/v1/completions', { model: name, prompt: 'a', max_tokens: 1 })
    expect(answer.status).toBe(200)
    expect(answer.json().model).toBe('tiny')
  })

  it('chats until its context is full when no length is asked for', async () => {
    const answer = await shared.post('/v1/chat/completions', {
      messages: [
        { role: 'system', content: 'be brief' },
        { role: 'user', content: 'hello' },
      ],
      temperature: 0,
    })
    expect(answer.json()).toMatchObject({
      object: 'chat.completion',
      choices: [{ message: { role: 'assistant' }, logprobs: null }],
    })
    expect((answer.json().usage as Record<string, number>).total_tokens).toBeLessThanOrEqual(128)
  })

  it('generates in one flat answer', async () => {
    const answer = await shared.post('/generate', { prompt: 'x', max_tokens: 4, temperature: 0 })
    const body = answer.json()
    expect(body).toMatchObject({ tokens: 4, finish_reason: 'length' })
    expect(body.request_id).toBe(answer.headers['x-request-id'])
    expect(typeof body.text).toBe('string')
  })

  it('keeps the id of a client when it is harmless', async () => {
    for (const [given, kept] of [
      ['abc-123', true],
      ['a b', false],
      ['x'.repeat(200), false],
    ] as const) {
      const answer = await shared.post('/generate', { prompt: 'x', max_tokens: 1 }, { 'x-request-id': given })
      expect(answer.headers['x-request-id'] === given).toBe(kept)
      expect(answer.headers['x-request-id']).toBeTruthy()
    }
  })

  it('gives the same text for the same seed and answers in both styles of log-probabilities', async () => {
    const ask = { prompt: 'seed', max_tokens: 8, temperature: 1, seed: 3 }
    const [one, two] = [await shared.post('/v1/completions', ask), await shared.post('/v1/completions', ask)]
    const text = (answer: Answer): string => (answer.json().choices as { text: string }[])[0]!.text
    expect(text(two)).toBe(text(one))
    const completion = await shared.post('/v1/completions', { ...ask, logprobs: 3 })
    const logprobs = (completion.json().choices as { logprobs: Record<string, unknown[]> }[])[0]!.logprobs
    expect(logprobs.tokens!.length).toBe(8)
    expect(logprobs.token_logprobs!.every((value) => (value as number) <= 0)).toBe(true)
    const chat = await shared.post('/v1/chat/completions', {
      messages: [{ role: 'user', content: 'a' }],
      max_tokens: 3,
      logprobs: true,
      top_logprobs: 2,
    })
    const content = (chat.json().choices as { logprobs: { content: { top_logprobs: unknown[] }[] } }[])[0]!.logprobs
      .content
    expect(content.map((one) => one.top_logprobs.length)).toEqual([2, 2, 2])
  })

  it('ends at a stop text and does not show it', async () => {
    const free = await shared.post('/v1/completions', { prompt: 'stop', max_tokens: 20, temperature: 0 })
    const text = (free.json().choices as { text: string }[])[0]!.text
    const stop = text.slice(6, 8)
    const cut = await shared.post('/v1/completions', {
      prompt: 'stop',
      max_tokens: 20,
      temperature: 0,
      stop: [stop, '\u0000zzz'],
    })
    expect(cut.json().choices).toMatchObject([{ text: text.slice(0, text.indexOf(stop)), finish_reason: 'stop' }])
  })
})

describe('a stream', () => {
  it.each([
    ['/v1/completions', { prompt: 'once' }],
    ['/v1/chat/completions', { messages: [{ role: 'user', content: 'once' }] }],
  ])('of %s gives the very text of the plain answer, then its end', async (path, body) => {
    const ask = { ...body, max_tokens: 30, temperature: 1.3, seed: 12 }
    const plain = await shared.post(path, ask)
    const [choice] = plain.json().choices as { text?: string; message?: { content: string } }[]
    const stream = await shared.post(path, { ...ask, stream: true, stream_options: { include_usage: true } })
    expect(stream.headers['content-type']).toBe('text/event-stream; charset=utf-8')
    expect(events(stream).at(-1)).toBe('[DONE]')
    const parts = chunks(stream)
    const usage = parts.at(-1) as unknown as { choices: unknown[]; usage: unknown }
    expect(usage.choices).toEqual([])
    expect(usage.usage).toEqual(plain.json().usage)
    const text = parts.flatMap((part) => part.choices.map((one) => one.text ?? one.delta?.content ?? '')).join('')
    expect(text).toBe(choice!.text ?? choice!.message!.content)
    const reasons = parts.flatMap((part) => part.choices.map((one) => one.finish_reason))
    expect(reasons.filter((reason) => reason !== null)).toEqual(['length'])
    expect(reasons.at(-1)).toBe('length')
  })

  it('whose client leaves before its body ended is cancelled, and no error of the engine', async () => {
    await using host = await openTestHost(model)
    const socket = connect(host.port, '127.0.0.1')
    socket.write(
      'POST /v1/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nExpect: 100-continue\r\nContent-Length: 100\r\n\r\n{"prompt"',
    )
    await new Promise((resolve) => socket.once('data', resolve))
    socket.destroy()
    await eventually('it is counted', async () => {
      const found = await host.metrics()
      return found.get('inference_requests_total{model="tiny",outcome="cancelled"}') === 1
    })
    const found = await host.metrics()
    expect(found.get('inference_requests_total{model="tiny",outcome="error"}')).toBe(0)
    expect(found.get('inference_requests_total{model="tiny",outcome="invalid"}')).toBe(0)
  })

  it('whose client leaves in the middle is cancelled, and its memory is free', async () => {
    await using host = await openTestHost(large, { kvTokens: 1 << 15 })
    for (const stream of [true, false]) {
      await new Promise<void>((resolve, reject) => {
        const call = request(`${host.url}/v1/completions`, { method: 'POST', agent: false }, (response) => {
          response.once('data', () => call.destroy())
          response.once('close', () => resolve())
          response.on('error', () => undefined)
        })
        call.on('error', (error: NodeJS.ErrnoException) => (error.code === 'ECONNRESET' ? resolve() : reject(error)))
        call.end(JSON.stringify({ prompt: 'on and on', max_tokens: 30_000, temperature: 0, stream }))
        if (!stream) {
          eventually(
            'running',
            async () => (await host.metrics()).get('inference_running_requests{model="tiny"}') === 1,
          )
            .then(() => call.destroy())
            .catch(reject)
        }
      })
    }
    await eventually('both are cancelled', async () => {
      const found = await host.metrics()
      return (
        found.get('inference_requests_total{model="tiny",outcome="cancelled"}') === 2 &&
        found.get('inference_running_requests{model="tiny"}') === 0 &&
        found.get('inference_kv_active_bytes{model="tiny"}') === 0
      )
    })
  })

  it('that passes its deadline ends in an error event and no [DONE]', async () => {
    await using host = await openTestHost(large, { kvTokens: 1 << 15, requestTimeoutMs: 200 })
    const ask = { prompt: 'on and on', max_tokens: 30_000, temperature: 0 }
    const stream = await host.post('/v1/completions', { ...ask, stream: true })
    expect(stream.status).toBe(200)
    expect(JSON.parse(events(stream).at(-1)!)).toMatchObject({ error: { code: 'deadline_exceeded' } })
    const plain = await host.post('/v1/completions', ask)
    expect(plain.status).toBe(504)
    expect(faultOf(plain)).toMatchObject({ code: 'deadline_exceeded', type: 'timeout_error' })
    expect(faultOf(plain).message).toContain('0.2 s')
  })
})

describe('a request that is wrong', () => {
  const completion = { prompt: 'a', max_tokens: 1 }
  const chat = { messages: [{ role: 'user', content: 'a' }], max_tokens: 1 }
  const cases: readonly (readonly [string, unknown, string | null, string])[] = [
    ['/v1/completions', {}, 'prompt', 'invalid_field'],
    ['/v1/completions', { prompt: 5 }, 'prompt', 'invalid_field'],
    ['/v1/completions', { prompt: ['a'] }, 'prompt', 'invalid_field'],
    ['/v1/completions', { prompt: '' }, 'prompt', 'empty_prompt'],
    ['/v1/completions', { ...completion, max_tokens: -1 }, 'max_tokens', 'invalid_field'],
    ['/v1/completions', { ...completion, max_tokens: 1.5 }, 'max_tokens', 'invalid_field'],
    ['/v1/completions', { ...completion, max_tokens: '5' }, 'max_tokens', 'invalid_field'],
    ['/v1/completions', { ...completion, temperature: 5.1 }, 'temperature', 'invalid_field'],
    ['/v1/completions', { ...completion, temperature: 'hot' }, 'temperature', 'invalid_field'],
    ['/v1/completions', { ...completion, top_p: 0 }, 'top_p', 'invalid_field'],
    ['/v1/completions', { ...completion, top_k: -1 }, 'top_k', 'invalid_field'],
    ['/v1/completions', { ...completion, seed: 1e300 }, 'seed', 'invalid_field'],
    ['/v1/completions', { ...completion, stop: [''] }, 'stop.0', 'invalid_field'],
    ['/v1/completions', { ...completion, stop: ['a', 'b', 'c', 'd', 'e'] }, 'stop', 'invalid_field'],
    ['/v1/completions', { ...completion, n: 2 }, 'n', 'invalid_field'],
    ['/v1/completions', { ...completion, echo: true }, 'echo', 'invalid_field'],
    ['/v1/completions', { ...completion, presence_penalty: 1 }, 'presence_penalty', 'invalid_field'],
    ['/v1/completions', { ...completion, logprobs: 21 }, 'logprobs', 'invalid_field'],
    ['/v1/completions', { ...completion, stream: 'yes' }, 'stream', 'invalid_field'],
    ['/v1/completions', { ...completion, best_of: 3 }, 'best_of', 'unknown_field'],
    ['/v1/completions', [], null, 'invalid_field'],
    ['/v1/completions', null, null, 'invalid_field'],
    ['/v1/chat/completions', { messages: [] }, 'messages', 'invalid_field'],
    ['/v1/chat/completions', { messages: [{ role: 'robot', content: 'a' }] }, 'messages.0.role', 'invalid_field'],
    ['/v1/chat/completions', { messages: [{ role: 'user' }] }, 'messages.0.content', 'invalid_field'],
    [
      '/v1/chat/completions',
      { messages: [{ role: 'user', content: 'a', name: 'b' }] },
      'messages.0.name',
      'unknown_field',
    ],
    ['/v1/chat/completions', { ...chat, prompt: 'a' }, 'prompt', 'unknown_field'],
    ['/v1/chat/completions', { ...chat, tools: [] }, 'tools', 'unknown_field'],
    ['/generate', { prompt: 'a', stream: true }, 'stream', 'unknown_field'],
    ['/generate', { prompt: { text: 'a' } }, 'prompt', 'invalid_field'],
  ]
  it.each(cases.map(([path, body, param, code]) => ({ path, body, param, code })))('$path $body names $param', async ({
    path,
    body,
    param,
    code,
  }) => {
    const answer = await shared.post(path, body)
    expect(answer.status).toBe(400)
    expect(faultOf(answer)).toMatchObject({ param, code, type: 'invalid_request_error' })
    if (param !== null && code !== 'empty_prompt')
      expect(faultOf(answer).message).toContain(code === 'unknown_field' ? param.split('.').at(-1) : param)
  })

  it.each([
    ['half an object', '{"prompt": "a"'],
    ['nothing', ''],
    ['a bare word', 'prompt'],
    ['a million brackets', '['.repeat(1_000_000)],
    ['bytes that are not UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d])],
  ])('%s is no JSON', async (_title, body) => {
    const answer = await shared.post('/v1/completions', body)
    expect(answer.status).toBe(400)
    expect(faultOf(answer).code).toBe('invalid_json')
  })

  it('names the model that is not here', async () => {
    const answer = await shared.post('/v1/completions', { ...completion, model: 'gpt-9' })
    expect(answer.status).toBe(404)
    expect(faultOf(answer)).toMatchObject({ param: 'model', code: 'model_not_found' })
    expect(faultOf(answer).message).toContain('gpt-9')
  })

  it('goes to no such place, or by the wrong method', async () => {
    expect((await shared.get('/nothing')).status).toBe(404)
    expect((await shared.post('/v1/embeddings', {})).status).toBe(404)
    expect((await shared.get('/v1/completions')).status).toBe(405)
    expect((await send(shared.port, 'DELETE', '/generate', null)).status).toBe(405)
  })

  it.each([
    {
      name: 'called by a name that is not ours',
      headers: { host: 'evil.example:9720' },
      status: 421,
      code: 'other_name',
    },
    {
      name: 'of a page of another origin',
      headers: { origin: 'https://evil.example' },
      status: 403,
      code: 'other_origin',
    },
    { name: 'of a page without an origin', headers: { origin: 'null' }, status: 403, code: 'other_origin' },
  ])('$name is refused and counted, and generates nothing', async ({ headers, status, code }) => {
    const series = `inference_refused_connections_total{model="tiny",reason="${code}"}`
    const before = await shared.metrics()
    const answer = await shared.post('/v1/completions', { prompt: 'a', max_tokens: 1 }, headers)
    expect([answer.status, faultOf(answer).code]).toEqual([status, code])
    const after = await shared.metrics()
    expect(after.get(series)).toBe(before.get(series)! + 1)
    const ok = 'inference_requests_total{model="tiny",outcome="ok"}'
    expect(after.get(ok)).toBe(before.get(ok))
  })

  it('called localhost, or of our own origin, is taken', async () => {
    for (const headers of [{ host: 'localhost:9720' }, { host: '127.0.0.1:1', origin: 'http://127.0.0.1:1' }])
      expect((await shared.post('/v1/completions', { prompt: 'a', max_tokens: 1 }, headers)).status).toBe(200)
  })

  it('that is never finished costs the bytes of all such requests together, and no honest one its answer', async () => {
    const series = 'inference_refused_connections_total{model="tiny",reason="body_bytes"}'
    const before = (await shared.metrics()).get(series)!
    const head = `POST /generate HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: ${1 << 20}\r\n\r\n`
    const most = Buffer.alloc((1 << 20) - 1, 'a')
    const heard: string[] = []
    const sockets = await Promise.all(
      Array.from(
        { length: 70 },
        (_, n) =>
          new Promise<ReturnType<typeof connect>>((resolve) => {
            const socket = connect(shared.port, '127.0.0.1')
            socket.on('error', () => {})
            socket.on('data', (part) => {
              heard[n] = String(part).split('\r\n')[0]!
            })
            socket.write(head)
            socket.write(most, () => resolve(socket))
          }),
      ),
    )
    await eventually('enough of them are dropped', async () => (await shared.metrics()).get(series)! >= before + 6)
    expect((await shared.post('/v1/completions', { prompt: 'a', max_tokens: 1 })).status).toBe(200)
    expect(new Set(heard.filter((line) => line !== undefined))).toEqual(new Set(['HTTP/1.1 503 Service Unavailable']))
    for (const socket of sockets) socket.destroy()
  })

  it('of ten million bytes is refused, whether its length is told or not', async () => {
    const body = JSON.stringify({ prompt: 'a'.repeat(10_000_000), max_tokens: 1 })
    const told = await send(shared.port, 'POST', '/v1/completions', body)
    expect(told.status).toBe(413)
    expect(faultOf(told)).toMatchObject({ code: 'body_too_large' })
    expect(faultOf(told).message).toContain('1048576 bytes')
    const untold = await new Promise<number>((resolve, reject) => {
      const socket = connect(shared.port, '127.0.0.1')
      let heard = ''
      socket.on('data', (part) => {
        heard += part.toString()
        const status = /^HTTP\/1.1 (\d+)/.exec(heard)
        if (status === null) return
        socket.destroy()
        resolve(Number(status[1]))
      })
      socket.on('error', (error) => (heard === '' ? reject(error) : undefined))
      socket.write('POST /generate HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n')
      const piece = `10000\r\n${'a'.repeat(0x10000)}\r\n`
      for (let i = 0; i < 40; i++) socket.write(piece)
    })
    expect(untold).toBe(413)
    expect((await shared.get('/health')).status).toBe(200)
  })

  it('is longer than the context: both numbers are named, whether it was split to the end or not', async () => {
    for (const [prompt, words] of [
      ['~'.repeat(300), /300 tokens, this model takes at most 127/],
      ['~'.repeat(900_000), /at least \d+ tokens, this model takes at most 127/],
    ] as const) {
      const answer = await shared.post('/v1/completions', { prompt, max_tokens: 1 })
      expect(answer.status).toBe(400)
      expect(faultOf(answer)).toMatchObject({ code: 'context_length_exceeded', param: 'prompt' })
      expect(faultOf(answer).message).toMatch(words)
    }
    expect((await shared.post('/v1/completions', { prompt: '~'.repeat(127), max_tokens: 5 })).status).toBe(200)
  })

  it('is longer than the key/value pool: the limit that is named is the one that holds', async () => {
    await using host = await openTestHost(model, { kvTokens: 64 })
    const answer = await host.post('/v1/completions', { prompt: '~'.repeat(80), max_tokens: 1 })
    expect(faultOf(answer).message).toMatch(/80 tokens, this model takes at most 63/)
    expect(((await host.get('/v1/models')).json().data as { max_model_len: number }[])[0]!.max_model_len).toBe(64)
    expect((await host.post('/v1/completions', { prompt: '~'.repeat(63), max_tokens: 1 })).status).toBe(200)
  })

  it('spells a control token: it counts as the one token that it is', async () => {
    const prompt = '<|end|>'.repeat(100)
    const answer = await shared.post('/v1/completions', { prompt, max_tokens: 1, temperature: 0 })
    expect(answer.status).toBe(200)
    expect((answer.json().usage as Record<string, number>).prompt_tokens).toBe(100)
  })

  it.each([
    '你好,世界',
    '🙂👩‍👩‍👧',
    '\ud800 alone',
    '\u0000\u0001',
    '__proto__',
    '\ufeffbom',
  ])('is not, for all its characters: %j', async (prompt) => {
    const answer = await shared.post('/v1/completions', { prompt, max_tokens: 2 })
    expect(answer.status).toBe(200)
  })
})

describe('a full queue', () => {
  it('answers 429 with a time to come back, and what was accepted is answered', async () => {
    await using host = await openTestHost(large, { maxBatch: 1, maxQueue: 1, kvTokens: 1 << 12 })
    const answers = await Promise.all(
      Array.from({ length: 12 }, () => host.post('/v1/completions', { prompt: 'a', max_tokens: 200, temperature: 0 })),
    )
    const full = answers.filter((answer) => answer.status === 429)
    expect(full.length).toBeGreaterThan(0)
    expect(full.length + answers.filter((answer) => answer.status === 200).length).toBe(12)
    expect(full[0]!.headers['retry-after']).toBe('1')
    expect(faultOf(full[0]!)).toMatchObject({ code: 'queue_full', type: 'rate_limit_error' })
    const found = await host.metrics()
    expect(found.get('inference_requests_total{model="tiny",outcome="rejected"}')).toBe(full.length)
    expect(found.get('inference_queue_capacity_requests{model="tiny"}')).toBe(1)
  })
})

describe('an engine that loads, and one that drains', () => {
  it('answers 503 with words until it serves', async () => {
    let open: () => void = () => undefined
    const gate = new Promise<void>((resolve) => {
      open = resolve
    })
    await using host = await openTestHost(model, {}, gate)
    const health = await host.get('/health')
    expect([health.status, health.json().status]).toEqual([503, 'loading'])
    const refused = await host.post('/v1/completions', { prompt: 'a' })
    expect([refused.status, faultOf(refused).message]).toEqual([503, 'the model is still loading'])
    expect((await host.metrics()).get('inference_ready{model="tiny"}')).toBe(0)
    expect((await host.get('/v1/models')).status).toBe(200)
    open()
    await eventually('serving', async () => (await host.get('/health')).status === 200)
    expect((await host.metrics()).get('inference_ready{model="tiny"}')).toBe(1)
  })

  it('finishes what runs, takes nothing new, and ends', async () => {
    await using host = await openTestHost(large, { kvTokens: 1 << 13 })
    const ask = { prompt: 'a', max_tokens: 1200, temperature: 0 }
    const whole = await host.post('/v1/completions', ask)
    const running = host.post('/v1/completions', ask)
    await eventually(
      'running',
      async () => (await host.metrics()).get('inference_running_requests{model="tiny"}') === 1,
    )
    const drained = host.host.drain()
    const late = await host.post('/v1/completions', { prompt: 'b', max_tokens: 1 })
    expect([late.status, faultOf(late).message]).toEqual([503, 'the engine is stopping'])
    expect((await host.get('/health')).status).toBe(503)
    const answer = await running
    expect(answer.status).toBe(200)
    expect((whole.json().usage as Record<string, number>).completion_tokens).toBe(1200)
    expect(answer.json().choices).toEqual(whole.json().choices)
    await drained
    await expect(host.get('/health')).rejects.toThrow(/ECONNREFUSED|ECONNRESET/)
  })
})

describe('the metrics page', () => {
  const expected = metricCatalogue.filter((entry) => entry.from === 'engine')

  it('shows every name of the catalogue that is always there, with its labels, and none that it does not know', async () => {
    const { text } = await shared.get('/metrics')
    const types = new Map([...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map((match) => [match[1]!, match[2]!]))
    for (const entry of expected.filter((one) => one.when === 'always'))
      expect([entry.name, types.get(entry.name)]).toEqual([entry.name, entry.type])
    const known = new Map(expected.map((entry) => [entry.name, entry.type as string]))
    for (const [name, type] of types) expect([name, known.get(name)]).toEqual([name, type])
    for (const line of text.split('\n').filter((one) => one !== '' && !one.startsWith('#'))) {
      const [, name, labels] = /^([a-z_]+)\{(.*)\} /.exec(line)!
      const entry = expected.find(
        (one) => one.name === name!.replace(/_(?:bucket|sum|count)$/, '') || one.name === name,
      )!
      const names = [...labels!.matchAll(/(\w+)="/g)].map((match) => match[1]!).filter((label) => label !== 'le')
      expect(names.sort()).toEqual([...entry.labels].sort())
    }
  })

  it('has histograms whose buckets only grow and end at the count', async () => {
    const found = await shared.metrics()
    for (const entry of expected.filter((one) => one.type === 'histogram')) {
      const buckets = [...(entry.buckets ?? []), '+Inf'].map((le) =>
        found.get(`${entry.name}_bucket{le="${le}",model="tiny"}`),
      )
      expect(buckets.every((value) => value !== undefined)).toBe(true)
      expect([...buckets].sort((a, b) => a! - b!)).toEqual(buckets)
      expect(buckets.at(-1)).toBe(found.get(`${entry.name}_count{model="tiny"}`))
    }
  })

  it('counts a scripted load exactly', async () => {
    await using host = await openTestHost(model)
    await host.post('/v1/completions', { prompt: 'a', max_tokens: 0 })
    const before = await host.metrics()
    expect([...before].filter(([name]) => name.startsWith('inference_requests_total')).length).toBe(6)
    for (let i = 0; i < 5; i++) await host.post('/v1/completions', { prompt: '~~~~', max_tokens: 10, temperature: 0 })
    for (let i = 0; i < 3; i++) await host.post('/v1/completions', { prompt: 7 })
    const after = await host.metrics()
    const grown = (name: string): number => after.get(name)! - before.get(name)!
    const label = '{model="tiny"}'
    expect(grown('inference_requests_total{model="tiny",outcome="ok"}')).toBe(5)
    expect(grown('inference_requests_total{model="tiny",outcome="invalid"}')).toBe(3)
    expect(grown('inference_requests_total{model="tiny",outcome="error"}')).toBe(0)
    expect(grown(`inference_prompt_tokens_total${label}`)).toBe(20)
    expect(grown(`inference_generated_tokens_total${label}`)).toBe(50)
    expect(grown(`inference_steps_total${label}`)).toBe(50)
    for (const name of [
      'request_duration_seconds',
      'time_to_first_token_seconds',
      'time_per_output_token_seconds',
      'queue_time_seconds',
      'output_confidence_ratio',
    ])
      expect([name, grown(`inference_${name}_count${label}`)]).toEqual([name, 5])
    expect(grown(`inference_batch_size_count${label}`)).toBe(50)
    expect(after.get(`inference_kv_active_bytes${label}`)).toBe(0)
    expect(after.has(`inference_memory_fragmentation_ratio${label}`)).toBe(false)
  })

  it('has one batch size a step, also of steps that only compute a part of a prompt', async () => {
    await using host = await openTestHost(model, { stepTokens: 8 })
    const before = await host.metrics()
    await host.post('/v1/completions', { prompt: '~'.repeat(60), max_tokens: 3, temperature: 0 })
    const after = await host.metrics()
    const grown = (name: string): number => after.get(`${name}{model="tiny"}`)! - before.get(`${name}{model="tiny"}`)!
    expect(grown('inference_prompt_tokens_total')).toBe(60)
    // Seven chunks of eight, the rest with the first token, two more tokens.
    expect(['inference_steps_total', 'inference_batch_size_count', 'inference_batch_size_sum'].map(grown)).toEqual([
      10, 10, 10,
    ])
  })

  it('is readable over a connection that is kept', async () => {
    const status = await new Promise<number | undefined>((resolve, reject) => {
      httpGet(`${shared.url}/metrics`, (response) => {
        response.resume()
        response.once('end', () => resolve(response.statusCode))
      }).once('error', reject)
    })
    expect(status).toBe(200)
  })
})
