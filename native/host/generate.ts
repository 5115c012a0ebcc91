// What happens inside a generation request: body to settings, settings to a running generation, pieces to plain JSON or an event stream.
// A client that leaves cancels its generation; a stream that could not be finished ends in an error event, never in a clean `[DONE]`.

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { z } from 'zod'
import { chatBody, chatPrompt, completionBody, type GenerationSettings, generateBody, settings } from './bodies.ts'
import type { Ending, Generations, Piece, TokenLogprob } from './generation.ts'
import { badRequest } from './http.ts'
import type { HostMetrics } from './metrics.ts'
import {
  chatStyle,
  completionStyle,
  type Fault,
  finishReason,
  type ReplyStyle,
  sendFault,
  sendJson,
  timings,
  usage,
} from './replies.ts'
import type { Tokenizer } from './tokenizer.ts'

export type GenerateDeps = {
  readonly generations: Generations
  readonly tokenizer: () => Tokenizer
  readonly contextTokens: () => number
  readonly metrics: HostMetrics
  readonly modelName: string
  readonly requestTimeoutMs: number
  readonly nowSeconds: () => number
  readonly newId: () => string
  readonly randomSeed: () => number
}

type Handler = (body: unknown, request: IncomingMessage, response: ServerResponse) => void

export function generateHandlers(deps: GenerateDeps): Readonly<Record<string, Handler>> {
  return {
    '/v1/completions': (raw, request, response) => {
      const body = parse(completionBody, raw)
      checkModel(deps, body.model)
      const set = settings(body, body.max_tokens ?? 16, body.logprobs ?? 0, deps.randomSeed)
      openaiReply(deps, completionStyle, body.prompt, set, body, request, response)
    },
    '/v1/chat/completions': (raw, request, response) => {
      const body = parse(chatBody, raw)
      checkModel(deps, body.model)
      const most = body.max_completion_tokens ?? body.max_tokens ?? deps.contextTokens()
      const set = settings(body, most, body.logprobs ? Math.max(1, body.top_logprobs ?? 1) : 0, deps.randomSeed)
      openaiReply(deps, chatStyle, chatPrompt(body.messages), set, body, request, response)
    },
    '/generate': (raw, request, response) => {
      const body = parse(generateBody, raw)
      const set = settings(body, body.max_tokens ?? 16, 0, deps.randomSeed)
      const requestId = identify(deps, request, response)
      let text = ''
      run(deps, body.prompt, set, response, {
        onPiece: (piece) => {
          text += piece.text
        },
        onOk: (ending) =>
          sendJson(response, 200, {
            text,
            tokens: ending.outputTokens,
            confidence: ending.confidence,
            finish_reason: finishReason(ending),
            request_id: requestId,
            timings: timings(ending),
          }),
        onFault: (fault) => sendFault(response, fault),
      })
    },
  }
}

function openaiReply(
  deps: GenerateDeps,
  style: ReplyStyle,
  prompt: string,
  set: GenerationSettings,
  body: {
    readonly stream?: boolean | null | undefined
    readonly stream_options?: { include_usage?: boolean | undefined } | null | undefined
  },
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const requestId = identify(deps, request, response)
  const head = { id: `${style.prefix}-${requestId}`, created: deps.nowSeconds(), model: deps.modelName }
  if (body.stream) {
    const write = (data: unknown): void =>
      void response.write(`data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`)
    const open = (): void => {
      if (response.headersSent) return
      response.writeHead(200, {
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store',
        'x-accel-buffering': 'no',
      })
    }
    const chunk = { ...head, object: style.chunkObject }
    run(deps, prompt, set, response, {
      onPiece: (piece) => {
        open()
        write({ ...chunk, choices: [style.chunk(piece, null)] })
      },
      onOk: (ending) => {
        open()
        write({
          ...chunk,
          choices: [style.chunk(null, finishReason(ending))],
          confidence: ending.confidence,
          timings: timings(ending),
        })
        if (body.stream_options?.include_usage) write({ ...chunk, choices: [], usage: usage(ending) })
        write('[DONE]')
        response.end()
      },
      onFault: (fault) => {
        if (!response.headersSent) return sendFault(response, fault)
        write({ error: { message: fault.message, type: fault.type, param: fault.param, code: fault.code } })
        response.end()
      },
    })
    return
  }
  let text = ''
  const logprobs: TokenLogprob[] = []
  run(deps, prompt, set, response, {
    onPiece: (piece) => {
      text += piece.text
      if (piece.logprob !== null) logprobs.push(piece.logprob)
    },
    onOk: (ending) =>
      sendJson(response, 200, {
        ...head,
        object: style.object,
        choices: [style.choice(text, set.topLogprobs > 0 ? logprobs : null, finishReason(ending))],
        usage: usage(ending),
        confidence: ending.confidence,
        timings: timings(ending),
      }),
    onFault: (fault) => sendFault(response, fault),
  })
}

/** Starts the generation and tells its end in one of two ways; counts it, and cancels it when the client leaves. */
function run(
  deps: GenerateDeps,
  prompt: string,
  set: GenerationSettings,
  response: ServerResponse,
  on: {
    readonly onPiece: (piece: Piece) => void
    readonly onOk: (ending: Ending) => void
    readonly onFault: (fault: Fault) => void
  },
): void {
  const { metrics } = deps
  const tokenizer = deps.tokenizer()
  const atLeast = Math.ceil(Buffer.byteLength(prompt) / tokenizer.longestBytes)
  if (atLeast > deps.contextTokens()) throw tooLong(`at least ${atLeast}`, deps.contextTokens())
  const tokens = tokenizer.encode(prompt)
  if (tokens.length === 0) throw badRequest('empty_prompt', 'the prompt has no tokens', 'prompt')
  let first = true
  let ended = false
  const begun = performance.now()
  const started = deps.generations.start(tokens, set, deps.requestTimeoutMs, {
    onPiece: (piece) => {
      if (first) {
        first = false
        metrics.observe('inference_time_to_first_token_seconds', (performance.now() - begun) / 1000)
      }
      if (!response.destroyed) on.onPiece(piece)
    },
    onEnd: (ending) => {
      ended = true
      metrics.observe('inference_queue_time_seconds', ending.queueMs / 1000)
      if (ending.finish === 'stop' || ending.finish === 'length') {
        metrics.outcome('ok')
        metrics.observe('inference_request_duration_seconds', ending.totalMs / 1000)
        if (ending.confidence !== null) metrics.observe('inference_output_confidence_ratio', ending.confidence)
        if (ending.outputTokens > 1) {
          metrics.observe('inference_time_per_output_token_seconds', ending.decodeMs / 1000 / (ending.outputTokens - 1))
        }
        if (!response.destroyed) on.onOk(ending)
      } else if (response.destroyed) {
        metrics.outcome('cancelled')
      } else {
        metrics.outcome(
          ending.finish === 'deadline' ? 'timeout' : ending.finish === 'cancelled' ? 'cancelled' : 'error',
        )
        on.onFault(endingFault(ending, deps.requestTimeoutMs))
      }
    },
  })
  if (typeof started === 'string') {
    if (started === 'too_long') throw tooLong(String(tokens.length), deps.contextTokens())
    metrics.outcome('rejected')
    const full = started === 'queue_full'
    return sendFault(response, {
      status: full ? 429 : 503,
      type: full ? 'rate_limit_error' : 'server_error',
      code: started,
      message: full ? 'the queue is full, try again' : 'the engine is stopping',
      param: null,
      retryAfterSeconds: 1,
    })
  }
  const leave = (): void => {
    if (!ended) started.cancel()
  }
  // Gone before its body was read to the end: there will be no event any more.
  if (response.closed) leave()
  else response.once('close', leave)
}

function tooLong(tokens: string, contextTokens: number) {
  const message = `the prompt has ${tokens} tokens, this model takes at most ${contextTokens - 1}`
  return badRequest('context_length_exceeded', message, 'prompt')
}

function endingFault(ending: Ending, timeoutMs: number): Fault {
  if (ending.finish === 'deadline') {
    const message = `not finished within ${timeoutMs / 1000} s`
    return { status: 504, type: 'timeout_error', code: 'deadline_exceeded', message, param: null }
  }
  if (ending.finish === 'cancelled') {
    return {
      status: 503,
      type: 'server_error',
      code: 'stopping',
      message: 'the engine is stopping',
      param: null,
      retryAfterSeconds: 1,
    }
  }
  return {
    status: 500,
    type: 'server_error',
    code: 'generation_failed',
    message: ending.error ?? 'generation failed',
    param: null,
  }
}

function parse<T>(schema: z.ZodType<T>, raw: unknown): T {
  const result = schema.safeParse(raw)
  if (result.success) return result.data
  const issue = result.error.issues[0]!
  const path = issue.path.map(String)
  if (issue.code === 'unrecognized_keys') {
    throw badRequest('unknown_field', `unknown field "${issue.keys[0]}"`, [...path, issue.keys[0]!].join('.'))
  }
  const field = path.length === 0 ? null : path.join('.')
  throw badRequest('invalid_field', `${field ?? 'body'}: ${issue.message}`, field)
}

function checkModel(deps: GenerateDeps, model: string | undefined): void {
  if (model === undefined || model === 'default' || model === deps.modelName) return
  throw badRequest('model_not_found', `no model "${model}" here; this engine serves ${deps.modelName}`, 'model', 404)
}

/** The client's own id when it is harmless, else a new one; always answered in the header. */
function identify(deps: GenerateDeps, request: IncomingMessage, response: ServerResponse): string {
  const given = request.headers['x-request-id']
  const id = typeof given === 'string' && /^[\w.:-]{1,128}$/.test(given) ? given : deps.newId()
  response.setHeader('x-request-id', id)
  return id
}
