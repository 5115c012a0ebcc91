// A WeCom group robot as strict as the real one: key, message types, bytes of the content, where mentions may stand, shape of a card, pace.
// HTTP 200 always. Its limits and codes are those of test/fixtures/robots/wecom.json, not of our sender.

import { type HttpSink, openHttpSink, rawPairs, type Seen } from './http-sink.ts'
import { codeThatMeans, wecomFacts } from './robot-facts.ts'
import { robotPace } from './robot-pace.ts'

const { limits, cardTypes } = wecomFacts
const badMessage = codeThatMeans(wecomFacts, 'bad_message')
const tooLong = codeThatMeans(wecomFacts, 'too_long')

export type WecomBody = {
  readonly msgtype: string
  readonly text?: {
    readonly content: string
    readonly mentioned_list?: readonly string[]
    readonly mentioned_mobile_list?: readonly string[]
  }
  readonly markdown?: { readonly content: string }
  readonly template_card?: WecomCard
}

export type WecomCard = {
  readonly card_type: string
  readonly main_title?: { readonly title?: string; readonly desc?: string }
  readonly sub_title_text?: string
  readonly horizontal_content_list?: readonly { readonly keyname: string; readonly value?: string }[]
  readonly jump_list?: readonly { readonly type: number; readonly title: string; readonly url?: string }[]
  readonly card_action?: { readonly type: number; readonly url?: string }
}

export type WecomSink = {
  readonly url: string
  readonly key: string
  messages(): readonly { readonly at: number; readonly body: WecomBody }[]
  refused(): readonly { readonly reason: string }[]
  close(): Promise<void>
} & Pick<HttpSink, 'mood' | 'requests' | 'seen'>

const key = '693a91f6-7xxx-4bc4-97a0-0ec2sifa5aaa'

/** The robot without a network: asked by `openPostTo` of post-to.ts, or by the sink below. */
export function wecomRobot(options: { readonly now?: () => number } = {}) {
  const now = options.now ?? Date.now
  const accepted: { at: number; body: WecomBody }[] = []
  const refusals: { reason: string }[] = []
  const pace = robotPace({ perMinute: limits.perMinute, blockMs: 0 })

  const judge = (seen: Seen): { errcode: number; errmsg: string; body?: WecomBody } => {
    if (seen.method !== 'POST' || seen.path !== '/cgi-bin/webhook/send') return { errcode: 404, errmsg: 'no such path' }
    const given = rawPairs(seen.rawQuery)
    if (given.get('key') !== key)
      return { errcode: codeThatMeans(wecomFacts, 'no_robot'), errmsg: 'invalid webhook url, hint: [1]' }
    const read = readBody(seen.body)
    if (read.errcode !== 0) return read
    if (!pace.take(now()))
      return { errcode: codeThatMeans(wecomFacts, 'rate_limited'), errmsg: 'api freq out of limit, hint: [2]' }
    return read
  }
  return {
    path: `/cgi-bin/webhook/send?key=${key}`,
    answer(seen: Seen): { readonly status: number; readonly body: string } {
      const { errcode, errmsg, body } = judge(seen)
      if (body === undefined || errcode !== 0) refusals.push({ reason: `${errcode} ${errmsg}` })
      else accepted.push({ at: now(), body })
      return { status: 200, body: JSON.stringify({ errcode, errmsg }) }
    },
    messages: () => accepted,
    refused: () => refusals,
  }
}

export async function openWecomSink(options: { readonly now?: () => number } = {}): Promise<WecomSink> {
  const { path, answer, ...robot } = wecomRobot(options)
  const { port, ...sink } = await openHttpSink(answer)
  return { url: `http://127.0.0.1:${port}${path}`, key, ...robot, ...sink }
}

function readBody(bytes: Buffer): { errcode: number; errmsg: string; body?: WecomBody } {
  let body: WecomBody
  try {
    body = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as WecomBody
  } catch {
    return { errcode: badMessage, errmsg: 'invalid message type' }
  }
  if (body.msgtype === 'template_card') {
    const wrong = wrongCard(body.template_card)
    return wrong === null ? { errcode: 0, errmsg: 'ok', body } : { errcode: badMessage, errmsg: wrong }
  }
  const limit = Object.hasOwn(limits.contentBytes, body.msgtype)
    ? limits.contentBytes[body.msgtype as 'text' | 'markdown']
    : undefined
  const content = body.msgtype === 'text' ? body.text?.content : body.markdown?.content
  if (limit === undefined || typeof content !== 'string') return { errcode: badMessage, errmsg: 'invalid message type' }
  if (content === '') return { errcode: badMessage, errmsg: 'empty content' }
  if (Buffer.byteLength(content) > limit) return { errcode: tooLong, errmsg: `content exceed max length ${limit}` }
  // Markdown calls people inside its content; lists beside it are silently ignored by the real one, so that nobody would be called.
  const extra = Object.keys(body.markdown ?? {}).filter((name) => name !== 'content')
  if (extra.length > 0) return { errcode: badMessage, errmsg: `markdown has no ${extra[0]}` }
  const lists = [...(body.text?.mentioned_list ?? []), ...(body.text?.mentioned_mobile_list ?? [])]
  if (lists.some((one) => typeof one !== 'string')) return { errcode: badMessage, errmsg: 'mentions are strings' }
  return { errcode: 0, errmsg: 'ok', body }
}

/** What is wrong with a card, or null. Lengths are advice for the eye, so they are held strictly here. */
function wrongCard(card: WecomCard | undefined): string | null {
  const { titleChars, descChars, subTitleChars, horizontal, jumps } = limits.card
  const chars = (text: string | undefined): number => [...(text ?? '')].length
  const web = (one: { readonly type: number; readonly url?: string } | undefined): boolean =>
    one?.type === 1 && /^https?:\/\//.test(one.url ?? '')
  if (card === undefined || !cardTypes.includes(card.card_type)) return 'invalid card_type'
  if (!web(card.card_action)) return 'missing card_action'
  if (chars(card.main_title?.title) === 0 && chars(card.sub_title_text) === 0) return 'missing main_title'
  if (chars(card.main_title?.title) > titleChars || chars(card.main_title?.desc) > descChars)
    return 'main_title too long'
  if (chars(card.sub_title_text) > subTitleChars) return 'sub_title_text too long'
  const rows = card.horizontal_content_list ?? []
  if (rows.length > horizontal || rows.some((row) => chars(row.keyname) === 0)) return 'invalid horizontal_content_list'
  const links = card.jump_list ?? []
  if (links.length > jumps || !links.every(web)) return 'invalid jump_list'
  return null
}
