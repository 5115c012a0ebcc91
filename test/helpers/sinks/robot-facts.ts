// What the robots' makers say of them — signature vectors, limits, codes — as data: test/fixtures/robots. The stand-ins judge by it, and the
// channels are held against it; neither takes it from the other.

import { readFileSync } from 'node:fs'
import * as path from 'node:path'
import { projectRoot } from '../../../core/base/entry.ts'

export type RobotCode = {
  readonly code: number
  readonly means: 'accepted' | 'busy' | 'rate_limited' | 'security' | 'no_robot' | 'too_long' | 'bad_message'
}
type Vector = { readonly timestamp: string; readonly secret: string; readonly sign: string }

export type DingtalkFacts = {
  readonly signature: { readonly skewMs: number }
  readonly vectors: readonly Vector[]
  readonly limits: {
    readonly bodyBytes: number
    readonly perMinute: number
    readonly blockMs: number
    readonly people: number
  }
  readonly codes: readonly RobotCode[]
}
export type WecomFacts = {
  readonly limits: {
    readonly contentBytes: { readonly text: number; readonly markdown: number }
    readonly perMinute: number
    readonly card: {
      readonly titleChars: number
      readonly descChars: number
      readonly subTitleChars: number
      readonly horizontal: number
      readonly jumps: number
    }
  }
  readonly cardTypes: readonly string[]
  readonly codes: readonly RobotCode[]
}
export type FeishuFacts = {
  readonly vectors: readonly Vector[]
  readonly limits: { readonly bodyBytes: number; readonly perMinute: number; readonly perSecond: number }
  readonly codes: readonly RobotCode[]
}
export type SlackFacts = {
  readonly limits: { readonly sectionChars: number; readonly blocks: number; readonly perSecond: number }
  readonly replies: { readonly accepted: string; readonly tooFast: number; readonly refused: number }
}

const read = <T>(name: string): T =>
  JSON.parse(readFileSync(path.join(projectRoot, 'test', 'fixtures', 'robots', `${name}.json`), 'utf8')) as T

export const dingtalkFacts = read<DingtalkFacts>('dingtalk')
export const wecomFacts = read<WecomFacts>('wecom')
export const feishuFacts = read<FeishuFacts>('feishu')
export const slackFacts = read<SlackFacts>('slack')

/** The first code of that meaning: what a stand-in answers with. */
export function codeThatMeans(facts: { readonly codes: readonly RobotCode[] }, means: RobotCode['means']): number {
  const found = facts.codes.find((one) => one.means === means)
  if (found === undefined) throw new Error(`no code means ${means}`)
  return found.code
}
