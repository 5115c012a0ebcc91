// A Slack incoming webhook as strict as the real one: blocks and their lengths, one message a second, plain text as answer. Its limits are those
// of test/fixtures/robots/slack.json, not of our sender.

import { type HttpSink, openHttpSink } from './http-sink.ts'
import { slackFacts } from './robot-facts.ts'
import { robotPace } from './robot-pace.ts'

export type SlackBody = {
  readonly text: string
  readonly channel?: string
  readonly username?: string
  readonly blocks?: readonly {
    readonly type: string
    readonly text?: { readonly type: string; readonly text: string }
    readonly elements?: readonly {
      readonly type: string
      readonly text: { readonly text: string }
      readonly url: string
    }[]
  }[]
}

export type SlackSink = {
  readonly url: string
  messages(): readonly { readonly at: number; readonly body: SlackBody }[]
  refused(): readonly { readonly reason: string }[]
  close(): Promise<void>
} & Pick<HttpSink, 'mood' | 'requests' | 'seen'>

const path = '/services/T00000000/B00000000/slackcanary0000000000000'

export async function openSlackSink(options: { readonly now?: () => number } = {}): Promise<SlackSink> {
  const now = options.now ?? Date.now
  const accepted: { at: number; body: SlackBody }[] = []
  const refusals: { reason: string }[] = []
  const { limits, replies } = slackFacts
  const pace = robotPace({ perMinute: limits.perSecond, blockMs: 0, windowMs: 1000 })
  const refuse = (status: number, reason: string, headers = {}) => {
    refusals.push({ reason })
    return { status, body: reason, type: 'text/plain', headers }
  }
  const sink = await openHttpSink((seen) => {
    if (seen.method !== 'POST' || seen.path !== path) return refuse(404, 'no_service')
    let body: SlackBody
    try {
      body = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(seen.body)) as SlackBody
    } catch {
      return refuse(replies.refused, 'invalid_payload')
    }
    const blocks = body.blocks ?? []
    const long = blocks.some((one) => one.type === 'section' && (one.text?.text.length ?? 0) > limits.sectionChars)
    const empty = blocks.some((one) => one.type === 'section' && one.text?.text === '')
    if (typeof body.text !== 'string' || body.text === '') return refuse(replies.refused, 'no_text')
    if (long || empty || blocks.length > limits.blocks) return refuse(replies.refused, 'invalid_blocks')
    if (!pace.take(now())) return refuse(replies.tooFast, 'rate_limited', { 'retry-after': '1' })
    accepted.push({ at: now(), body })
    return { status: 200, body: replies.accepted, type: 'text/plain' }
  })
  return {
    url: `http://127.0.0.1:${sink.port}${path}`,
    messages: () => accepted,
    refused: () => refusals,
    mood: sink.mood,
    requests: sink.requests,
    seen: sink.seen,
    close: sink.close,
  }
}
