// A Feishu group robot as strict as the real one: signature with its own order of key and message, bytes of the body, message types, pace by
// minute and by second. Its limits and codes are those of test/fixtures/robots/feishu.json, not of our sender.

import { createHmac } from 'node:crypto'
import { type HttpSink, openHttpSink, type Seen } from './http-sink.ts'
import { codeThatMeans, feishuFacts } from './robot-facts.ts'
import { robotPace } from './robot-pace.ts'

export type FeishuBody = {
  readonly timestamp?: string
  readonly sign?: string
  readonly msg_type: string
  readonly content?: { readonly text?: string }
  readonly card?: {
    readonly header?: {
      readonly template?: string
      readonly title?: { readonly tag: string; readonly content: string }
    }
    readonly elements?: readonly {
      readonly tag: string
      readonly content?: string
      readonly actions?: readonly {
        readonly tag: string
        readonly text: { readonly content: string }
        readonly url: string
      }[]
    }[]
  }
}

export type FeishuSink = {
  readonly url: string
  messages(): readonly { readonly at: number; readonly body: FeishuBody }[]
  refused(): readonly { readonly reason: string }[]
  close(): Promise<void>
} & Pick<HttpSink, 'mood' | 'requests' | 'seen'>

const path = '/open-apis/bot/v2/hook/0f3c1a2b-aaaa-4bbb-8ccc-0123456789ab'
const skewSeconds = 3600

export async function openFeishuSink(options: {
  readonly secret: string
  readonly now?: () => number
}): Promise<FeishuSink> {
  const now = options.now ?? Date.now
  const accepted: { at: number; body: FeishuBody }[] = []
  const refusals: { reason: string }[] = []
  const { perMinute, perSecond } = feishuFacts.limits
  const [byMinute, bySecond] = [
    robotPace({ perMinute, blockMs: 0 }),
    robotPace({ perMinute: perSecond, blockMs: 0, windowMs: 1000 }),
  ]
  const sink = await openHttpSink((seen) => {
    const at = now()
    const answer = judge(seen, options.secret, at)
    if (answer.code === 0 && !(bySecond.take(at) && byMinute.take(at))) {
      answer.code = codeThatMeans(feishuFacts, 'rate_limited')
      answer.msg = 'frequency limited'
    }
    if (answer.code !== 0) refusals.push({ reason: `${answer.code} ${answer.msg}` })
    else accepted.push({ at, body: JSON.parse(seen.body.toString('utf8')) as FeishuBody })
    return { status: 200, body: JSON.stringify({ ...answer, data: {} }) }
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

function judge(seen: Seen, secret: string, now: number): { code: number; msg: string } {
  const bad = (msg: string) => ({ code: codeThatMeans(feishuFacts, 'bad_message'), msg })
  if (seen.method !== 'POST' || seen.path !== path) return bad('no such path')
  if (seen.body.length > feishuFacts.limits.bodyBytes)
    return { code: codeThatMeans(feishuFacts, 'too_long'), msg: 'request body too large' }
  let body: FeishuBody
  try {
    body = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(seen.body)) as FeishuBody
  } catch {
    return bad('body is not valid UTF-8 JSON')
  }
  const sign = createHmac('sha256', `${body.timestamp}\n${secret}`).update('').digest('base64')
  // Seconds: milliseconds would be centuries ahead.
  const fresh = Math.abs(Number(body.timestamp) - now / 1000) <= skewSeconds
  if (body.sign !== sign || !fresh)
    return { code: codeThatMeans(feishuFacts, 'security'), msg: 'sign match fail or timestamp is not within one hour' }
  if (body.msg_type === 'text')
    return (body.content?.text ?? '') === '' ? bad('empty text') : { code: 0, msg: 'success' }
  if (body.msg_type !== 'interactive') return bad('unknown msg_type')
  const { header, elements = [] } = body.card ?? {}
  const titled = header?.title?.tag === 'plain_text' && header.title.content !== ''
  const known = elements.every(
    (one) =>
      (one.tag === 'markdown' && (one.content ?? '') !== '') ||
      (one.tag === 'action' && (one.actions ?? []).every((button) => button.tag === 'button' && button.url !== '')),
  )
  return titled && known && elements.length > 0 ? { code: 0, msg: 'success' } : bad('invalid card')
}
