// Shapes of answers: OpenAI's JSON for results and faults, and the pieces of a stream.

import type { ServerResponse } from 'node:http'
import type { Ending, Piece, TokenLogprob } from './generation.ts'

export type Fault = {
  readonly status: number
  readonly type: 'invalid_request_error' | 'not_found_error' | 'rate_limit_error' | 'timeout_error' | 'server_error'
  readonly code: string
  readonly message: string
  readonly param: string | null
  readonly retryAfterSeconds?: number
}

export function sendFault(response: ServerResponse, fault: Fault): void {
  if (response.headersSent || response.destroyed) return
  const { status, retryAfterSeconds, ...error } = fault
  if (retryAfterSeconds !== undefined) response.setHeader('retry-after', String(retryAfterSeconds))
  sendJson(response, status, {
    error: { message: error.message, type: error.type, param: error.param, code: error.code },
  })
}

export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  const text = JSON.stringify(body)
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
  })
  response.end(text)
}

export const finishReason = (ending: Ending): 'stop' | 'length' => (ending.finish === 'stop' ? 'stop' : 'length')

export function timings(ending: Ending): Record<string, number> {
  const round = (ms: number): number => Math.round(ms * 1000) / 1000
  return { queue_ms: round(ending.queueMs), prefill_ms: round(ending.prefillMs), decode_ms: round(ending.decodeMs) }
}

export function usage(ending: Ending): Record<string, number> {
  return {
    prompt_tokens: ending.promptTokens,
    completion_tokens: ending.outputTokens,
    total_tokens: ending.promptTokens + ending.outputTokens,
  }
}

/** What `/v1/completions` and `/v1/chat/completions` differ in. */
export type ReplyStyle = {
  readonly prefix: string
  readonly object: string
  readonly chunkObject: string
  choice(text: string, logprobs: readonly TokenLogprob[] | null, finish: string | null): object
  chunk(piece: Piece | null, finish: string | null): object
}

export const completionStyle: ReplyStyle = {
  prefix: 'cmpl',
  object: 'text_completion',
  chunkObject: 'text_completion',
  choice: (text, logprobs, finish) => ({
    index: 0,
    text,
    logprobs: completionLogprobs(logprobs),
    finish_reason: finish,
  }),
  chunk: (piece, finish) => ({
    index: 0,
    text: piece?.text ?? '',
    logprobs: piece?.logprob ? completionLogprobs([piece.logprob]) : null,
    finish_reason: finish,
  }),
}

export const chatStyle: ReplyStyle = {
  prefix: 'chatcmpl',
  object: 'chat.completion',
  chunkObject: 'chat.completion.chunk',
  choice: (text, logprobs, finish) => ({
    index: 0,
    message: { role: 'assistant', content: text },
    logprobs: logprobs === null ? null : { content: logprobs.map(chatLogprob) },
    finish_reason: finish,
  }),
  chunk: (piece, finish) => ({
    index: 0,
    delta: piece === null ? {} : { role: 'assistant', content: piece.text },
    logprobs: piece?.logprob ? { content: [chatLogprob(piece.logprob)] } : null,
    finish_reason: finish,
  }),
}

function completionLogprobs(logprobs: readonly TokenLogprob[] | null): object | null {
  if (logprobs === null) return null
  return {
    tokens: logprobs.map((one) => one.token),
    token_logprobs: logprobs.map((one) => one.logprob),
    top_logprobs: logprobs.map((one) => Object.fromEntries(one.top.map((top) => [top.token, top.logprob]))),
  }
}

function chatLogprob(one: TokenLogprob): object {
  return { token: one.token, logprob: one.logprob, top_logprobs: one.top }
}
