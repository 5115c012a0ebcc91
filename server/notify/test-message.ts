// `notify test`: one real message through every channel of a receiver, or through one channel, with what was sent, what came back and what to do
// about it.

import { exitCodes, InferwardError } from '../../core/base/errors.ts'
import type { Alert } from '../alert/alert.ts'
import type { Channel } from '../dispatch/channel.ts'
import type { Notification } from '../dispatch/notification.ts'
import { type Advice, adviceFor } from './advice.ts'

export type TestResult = {
  readonly channel: string
  readonly ok: boolean
  /** Without secrets. */
  readonly request: string
  readonly reply: string
  readonly advice: Advice
}

export type TestOptions = {
  /** New for every test, so that receivers do not take it for one they have. */
  readonly id: string
  readonly externalUrl: string
  readonly now: number
}

/**
 * `name`: of a receiver, or of a channel (`oncall/dingtalk[0]`). Channels one after another, so that a receiver of many robots stays below their
 * limits. Throws `notify.receiver_not_found`.
 */
export async function testReceiver(
  channels: readonly Channel[],
  name: string,
  options: TestOptions,
  signal: AbortSignal,
): Promise<readonly TestResult[]> {
  const ofReceiver = channels.filter((channel) => channel.receiver === name)
  const own = ofReceiver.length > 0 ? ofReceiver : channels.filter((channel) => channel.name === name)
  if (own.length === 0) {
    const known = [...new Set(channels.map((channel) => channel.receiver))]
    const near = channels.filter((channel) => name.startsWith(`${channel.receiver}/`)).map((channel) => channel.name)
    throw new InferwardError({
      code: 'notify.receiver_not_found',
      exitCode: exitCodes.notFound,
      message: `"${name}" is no receiver with a channel, and no channel`,
      hint:
        known.length === 0
          ? 'No receiver has a channel yet.'
          : near.length > 0
            ? `Channels: ${near.join(', ')}.`
            : `Receivers with channels: ${known.join(', ')}.`,
    })
  }
  const results: TestResult[] = []
  for (const channel of own) {
    const notification = testNotification(channel.receiver, { ...options, id: `${options.id}-${results.length}` })
    const request = channel.preview(notification)
    const result = await channel.send(notification, signal)
    results.push({
      channel: channel.name,
      ok: result.ok,
      request,
      reply: result.ok ? result.reply : `${result.code}: ${result.reply}`,
      advice: adviceFor(channel.kind, result),
    })
  }
  return results
}

export function testNotification(receiver: string, options: TestOptions): Notification {
  const labels = { alertname: 'InferwardTest', severity: 'info', receiver }
  const annotations = {
    summary: '这是一条测试消息，无需处理 / This is a test message: nothing is wrong',
    value: '1',
  }
  const alert: Alert = {
    fingerprint: '0000000000000000',
    labels,
    annotations,
    startsAt: options.now,
    endsAt: null,
    updatedAt: options.now,
    generatorUrl: '',
    source: 'test',
  }
  return {
    id: options.id,
    receiver,
    groupKey: '{}:{alertname="InferwardTest"}',
    reason: 'first',
    status: 'firing',
    groupLabels: { alertname: 'InferwardTest' },
    commonLabels: labels,
    commonAnnotations: annotations,
    alerts: [alert],
    truncated: 0,
    externalUrl: options.externalUrl,
    at: options.now,
  }
}
