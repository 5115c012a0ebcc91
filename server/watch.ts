// What keeps alerts from people while the process itself lives: rules that nobody evaluates, a database that does not answer, messages that
// do not leave. Asked by heartbeats; each answer is about now, nothing is remembered.

import type { Clock } from '../core/base/clock.ts'
import { errorText } from '../core/base/errors.ts'
import type { GroupView } from '../core/rules/view.ts'
import type { Outbox } from './dispatch/outbox-port.ts'
import type { Trouble } from './notify/heartbeat.ts'

/** After a start the server waits for the hosts it knew before it judges (at most 2 min). */
const startMs = 5 * 60_000
const lateMs = 60_000
/** A message may wait for its turn in a digest, or for a robot's minute. */
const waitMs = 10 * 60_000
const givenUpMs = 60 * 60_000
/** A question that is not answered is an answer. */
const patienceMs = 10_000

export function openWatch(deps: {
  readonly clock: Clock
  readonly rules: () => Promise<readonly GroupView[]>
  readonly outbox: Pick<Outbox, 'undelivered'>
}): () => Promise<Trouble | null> {
  const { clock } = deps
  const startedAt = clock.now()
  const within = async <T>(answer: Promise<T>): Promise<T> => {
    const late = new AbortController()
    try {
      return await Promise.race([
        answer,
        clock.sleep(patienceMs, late.signal).then(() => {
          throw new Error(`no answer within ${patienceMs} ms`)
        }),
      ])
    } finally {
      late.abort()
    }
  }
  return async () => {
    const now = clock.now()
    try {
      const late = (await within(deps.rules())).find(
        ({ lastEvaluationAt, intervalMs }) => now - (lastEvaluationAt ?? startedAt + startMs) > 2 * intervalMs + lateMs,
      )
      if (late !== undefined) return notEvaluated(late, now)
    } catch (error) {
      return { en: `The rules cannot be asked: ${errorText(error)}.`, zh: `无法读取规则状态:${errorText(error)}。` }
    }
    try {
      const owed = await within(deps.outbox.undelivered(now - givenUpMs))
      const stuck = owed.find(({ oldestAt }) => oldestAt !== null && now - oldestAt > waitMs)
      if (stuck !== undefined) return notSent(stuck.channel, now - stuck.oldestAt!)
      const lost = owed.find(({ givenUp }) => givenUp > 0)
      if (lost !== undefined) return lostOnes(lost.channel, lost.givenUp)
    } catch (error) {
      return { en: `The database does not answer: ${errorText(error)}.`, zh: `数据库无响应:${errorText(error)}。` }
    }
    return null
  }
}

const minutes = (ms: number): number => Math.round(ms / 60_000)

function notEvaluated({ name, lastEvaluationAt }: GroupView, now: number): Trouble {
  if (lastEvaluationAt === null)
    return {
      en: `Rule group "${name}" was never evaluated since the start.`,
      zh: `规则组 "${name}" 自启动以来从未求值。`,
    }
  const ago = minutes(now - lastEvaluationAt)
  return {
    en: `Rule group "${name}" was not evaluated for ${ago} min.`,
    zh: `规则组 "${name}" 已有 ${ago} 分钟未求值。`,
  }
}

const notSent = (channel: string, ms: number): Trouble => ({
  en: `A message has been waiting for channel ${channel} for ${minutes(ms)} min.`,
  zh: `渠道 ${channel} 有消息已等待 ${minutes(ms)} 分钟仍未送达。`,
})

const lostOnes = (channel: string, count: number): Trouble => ({
  en: `${count} message(s) for channel ${channel} were given up within the last hour.`,
  zh: `最近一小时内渠道 ${channel} 有 ${count} 条消息被放弃。`,
})
