// A DingTalk group robot as strict as the real one: signature, clock, keyword, message types, bytes, mentions, pace, `msgUuid`. It answers
// HTTP 200 with an errcode, whatever happened. Its limits and codes are those of test/fixtures/robots/dingtalk.json, not of our sender.

import { createHmac, timingSafeEqual } from 'node:crypto'
import { type HttpSink, openHttpSink, rawPairs, type Seen } from './http-sink.ts'
import { dingtalkFacts } from './robot-facts.ts'
import { robotPace } from './robot-pace.ts'

const { limits, signature, codes } = dingtalkFacts
/** Each of them is one of the file. */
const code = (value: number): number => {
  if (!codes.some((one) => one.code === value)) throw new Error(`${value} is no code of the robot`)
  return value
}

export type DingtalkSink = {
  /** With the access token, without a signature. */
  readonly url: string
  /** Accepted ones, each `msgUuid` once, in order. */
  messages(): readonly { readonly at: number; readonly body: DingtalkBody; readonly uuid: string }[]
  refused(): readonly { readonly reason: string }[]
  /** Accepted calls that repeated a `msgUuid`: answered, not shown again. */
  repeats(): number
  close(): Promise<void>
} & Pick<HttpSink, 'mood' | 'requests' | 'seen'>

export type DingtalkBody = {
  readonly msgtype: string
  readonly text?: { readonly content: string }
  readonly markdown?: { readonly title: string; readonly text: string }
  readonly actionCard?: { readonly title: string; readonly text: string; readonly btns?: readonly unknown[] }
  readonly at?: {
    readonly atMobiles?: readonly string[]
    readonly atUserIds?: readonly string[]
    readonly isAtAll?: boolean
  }
  readonly msgUuid: string
}

const token = 'f00dcafe'.repeat(8)

export type DingtalkOptions = {
  readonly secret: string
  readonly keyword?: string
  readonly now?: () => number
  /** Which of the three codes it answers to a message past its pace. */
  readonly tooFast?: 130101 | 660026 | 410100
}

/** The robot without a network: asked by `openPostTo` of post-to.ts, or by the sink below. */
export function dingtalkRobot(options: DingtalkOptions) {
  const now = options.now ?? Date.now
  const accepted: { at: number; body: DingtalkBody; uuid: string }[] = []
  const refusals: { reason: string }[] = []
  let repeats = 0
  // A blocked robot stays blocked; refused calls do not count against the pace.
  const pace = robotPace({ perMinute: limits.perMinute, blockMs: limits.blockMs })
  const tooFast = options.tooFast ?? 660026

  const judge = (seen: Seen): { errcode: number; errmsg: string } => {
    const at = now()
    const refused = checkRequest(seen, options.secret, at)
    if (refused !== null) return refused
    const read = readBody(seen.body, options.keyword)
    if ('errcode' in read) return read
    if (accepted.some((one) => one.uuid === read.body.msgUuid)) {
      repeats++
      return { errcode: 0, errmsg: 'ok' }
    }
    if (!pace.take(at)) return fault(tooFast, 'sending too many messages per minute')
    accepted.push({ at, body: read.body, uuid: read.body.msgUuid })
    return { errcode: 0, errmsg: 'ok' }
  }
  return {
    path: `/robot/send?access_token=${token}`,
    answer(seen: Seen): { readonly status: number; readonly body: string } {
      const answer = judge(seen)
      if (answer.errcode !== 0) refusals.push({ reason: `${answer.errcode} ${answer.errmsg}` })
      return { status: 200, body: JSON.stringify(answer) }
    },
    messages: () => accepted,
    refused: () => refusals,
    repeats: () => repeats,
  }
}

export async function openDingtalkSink(options: DingtalkOptions): Promise<DingtalkSink> {
  const { path, answer, ...robot } = dingtalkRobot(options)
  const { port, ...sink } = await openHttpSink(answer)
  return { url: `http://127.0.0.1:${port}${path}`, ...robot, ...sink }
}

type Fault = { readonly errcode: number; readonly errmsg: string }
const fault = (errcode: number, errmsg: string): Fault => ({ errcode: code(errcode), errmsg })

function checkRequest(seen: Seen, secret: string, now: number): Fault | null {
  if (seen.method !== 'POST' || seen.path !== '/robot/send') return { errcode: 404, errmsg: 'no such path or method' }
  if (!/^application\/json(?:;\s*charset=utf-8)?$/i.test(seen.headers['content-type'] ?? '')) {
    return fault(43004, 'invalid content type')
  }
  const query = rawPairs(seen.rawQuery)
  if (query.get('access_token') !== token) return fault(300005, 'token is not exist')
  const timestamp = query.get('timestamp') ?? ''
  // Milliseconds: seconds would be half a century off.
  if (!/^\d+$/.test(timestamp) || Math.abs(Number(timestamp) - now) > signature.skewMs)
    return fault(310000, 'invalid timestamp')
  // One decoding, and only one; `+` on the wire is a space, as in any form.
  const wire = query.get('sign') ?? ''
  let sign: string
  try {
    sign = decodeURIComponent(wire.replaceAll('+', ' '))
  } catch {
    return fault(310000, 'sign not match')
  }
  const expected = createHmac('sha256', secret).update(`${timestamp}\n${secret}`).digest('base64')
  const same = sign.length === expected.length && timingSafeEqual(Buffer.from(sign), Buffer.from(expected))
  return same ? null : fault(310000, 'sign not match')
}

function readBody(bytes: Buffer, keyword: string | undefined): { readonly body: DingtalkBody } | Fault {
  if (bytes.length > limits.bodyBytes) return fault(460101, `message too long, exceed ${limits.bodyBytes} bytes`)
  let body: DingtalkBody
  try {
    body = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as DingtalkBody
  } catch {
    return fault(400105, 'body is not valid UTF-8 JSON')
  }
  const known = ['msgtype', 'text', 'markdown', 'actionCard', 'at', 'msgUuid']
  const strange = Object.keys(body).find((key) => !known.includes(key))
  if (strange !== undefined) return fault(400105, `unknown field ${strange}`)
  const text = shownText(body)
  if (text === null) return fault(400105, `invalid msgtype or its fields: ${body.msgtype}`)
  if (text.length === 0) return fault(400105, 'empty text')
  if (typeof body.msgUuid !== 'string' || body.msgUuid === '' || body.msgUuid.length > 128) {
    return fault(400105, 'invalid msgUuid')
  }
  if (keyword !== undefined && !text.includes(keyword)) return fault(310000, 'keywords not in content')
  const people = [...(body.at?.atMobiles ?? []), ...(body.at?.atUserIds ?? [])]
  if (people.length > limits.people) return fault(400105, `more than ${limits.people} people mentioned`)
  const silent = people.find((one) => typeof one !== 'string' || !text.includes(`@${one}`))
  if (silent !== undefined) return fault(400105, `@${silent} is not in the text: nobody would be called`)
  if (body.at !== undefined && typeof body.at.isAtAll !== 'boolean') return fault(400105, 'isAtAll is not a boolean')
  return { body }
}

/** All words a reader sees, in which the keyword is looked for; null when the type and its fields do not agree. */
function shownText(body: DingtalkBody): string | null {
  const words = (value: unknown): value is string => typeof value === 'string' && value !== ''
  switch (body.msgtype) {
    case 'text':
      return words(body.text?.content) ? body.text.content : null
    case 'markdown':
      return words(body.markdown?.title) && words(body.markdown.text) ? body.markdown.text : null
    case 'actionCard': {
      const card = body.actionCard
      if (!words(card?.title) || !words(card.text) || !Array.isArray(card.btns) || card.btns.length === 0) return null
      const good = card.btns.every(
        (one: { title?: unknown; actionURL?: unknown }) => words(one.title) && words(one.actionURL),
      )
      return good ? card.text : null
    }
    default:
      return null
  }
}
