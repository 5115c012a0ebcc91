// A WeCom group robot as strict as the real one: key, message types, bytes of the content, where mentions may stand, pace. HTTP 200 always.

import { type HttpSink, openHttpSink, rawPairs, type Seen } from './http-sink.ts'
import { robotPace } from './robot-pace.ts'

export type WecomBody = {
  readonly msgtype: string
  readonly text?: {
    readonly content: string
    readonly mentioned_list?: readonly string[]
    readonly mentioned_mobile_list?: readonly string[]
  }
  readonly markdown?: { readonly content: string }
}

export type WecomSink = {
  readonly url: string
  readonly key: string
  messages(): readonly { readonly at: number; readonly body: WecomBody }[]
  refused(): readonly { readonly reason: string }[]
  close(): Promise<void>
} & Pick<HttpSink, 'mood' | 'requests' | 'seen'>

const key = '693a91f6-7xxx-4bc4-97a0-0ec2sifa5aaa'

export async function openWecomSink(options: { readonly now?: () => number } = {}): Promise<WecomSink> {
  const now = options.now ?? Date.now
  const accepted: { at: number; body: WecomBody }[] = []
  const refusals: { reason: string }[] = []
  const pace = robotPace({ perMinute: 20, blockMs: 0 })

  const judge = (seen: Seen): { errcode: number; errmsg: string; body?: WecomBody } => {
    if (seen.method !== 'POST' || seen.path !== '/cgi-bin/webhook/send') return { errcode: 404, errmsg: 'no such path' }
    const given = rawPairs(seen.rawQuery)
    if (given.get('key') !== key) return { errcode: 93000, errmsg: 'invalid webhook url, hint: [1]' }
    const read = readBody(seen.body)
    if (read.errcode !== 0) return read
    if (!pace.take(now())) return { errcode: 45009, errmsg: 'api freq out of limit, hint: [2]' }
    return read
  }

  const sink = await openHttpSink((seen) => {
    const { errcode, errmsg, body } = judge(seen)
    if (body === undefined || errcode !== 0) refusals.push({ reason: `${errcode} ${errmsg}` })
    else accepted.push({ at: now(), body })
    return { status: 200, body: JSON.stringify({ errcode, errmsg }) }
  })
  return {
    url: `http://127.0.0.1:${sink.port}/cgi-bin/webhook/send?key=${key}`,
    key,
    messages: () => accepted,
    refused: () => refusals,
    mood: sink.mood,
    requests: sink.requests,
    seen: sink.seen,
    close: sink.close,
  }
}

function readBody(bytes: Buffer): { errcode: number; errmsg: string; body?: WecomBody } {
  let body: WecomBody
  try {
    body = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as WecomBody
  } catch {
    return { errcode: 40008, errmsg: 'invalid message type' }
  }
  const limits: Readonly<Record<string, number>> = { text: 2048, markdown: 4096 }
  const limit = limits[body.msgtype]
  const content = body.msgtype === 'text' ? body.text?.content : body.markdown?.content
  if (limit === undefined || typeof content !== 'string') return { errcode: 40008, errmsg: 'invalid message type' }
  if (content === '') return { errcode: 44004, errmsg: 'empty content' }
  if (Buffer.byteLength(content) > limit) return { errcode: 40058, errmsg: `content exceed max length ${limit}` }
  const extra = Object.keys(body.markdown ?? {}).filter((name) => name !== 'content')
  if (extra.length > 0) return { errcode: 40058, errmsg: `markdown has no ${extra[0]}` }
  const lists = [...(body.text?.mentioned_list ?? []), ...(body.text?.mentioned_mobile_list ?? [])]
  if (lists.some((one) => typeof one !== 'string')) return { errcode: 40058, errmsg: 'mentions are strings' }
  return { errcode: 0, errmsg: 'ok', body }
}
