// A receiver that repairs instead of telling: for each engine that an alert names it asks for one action, once an episode. Whether it is done is
// decided behind the port, by budget and by what the engine is doing; a refusal is an answer with its reason, kept as any other.

import { createHash } from 'node:crypto'
import { z } from 'zod'
import { type EngineAction, engineActions } from '../../../core/event/event.ts'
import { type Alert, isResolved } from '../../alert/alert.ts'
import type { Channel, SendResult } from '../../dispatch/channel.ts'
import type { Notification } from '../../dispatch/notification.ts'
import { type ChannelDeps, type ChannelPlace, channelName } from '../channel-config.ts'
import { failure } from '../outcome.ts'
import type { RemedyRequest } from '../remedy-port.ts'

export const remedyConfig = z
  .object({
    action: z.enum(engineActions).default('restart'),
    /** Label that names the engine; alerts without it, or without `host`, are left to people. */
    engine_label: z.string().min(1).max(200).default('engine'),
  })
  .strict()
export type RemedyConfig = z.infer<typeof remedyConfig>

const retryMs = 10_000
const maxEngines = 50

function requestsOf(notification: Notification, config: RemedyConfig): readonly RemedyRequest[] {
  const wanted = new Map<string, RemedyRequest>()
  for (const alert of notification.alerts.filter((one) => !isResolved(one, notification.at))) {
    const { host = '', [config.engine_label]: engine = '' } = alert.labels
    if (host === '' || engine === '' || wanted.has(`${host}/${engine}`)) continue
    const reason = `alert ${alert.labels.alertname ?? alert.fingerprint}`.slice(0, 200)
    wanted.set(`${host}/${engine}`, {
      id: episodeId(alert, config.action),
      host,
      engine,
      action: config.action,
      reason,
    })
  }
  return [...wanted.values()].slice(0, maxEngines)
}

/** An id of 26 characters, as those of events and commands are. */
function episodeId(alert: Alert, action: EngineAction): string {
  const text = `${action}\n${alert.fingerprint}\n${alert.startsAt}`
  return createHash('sha256').update(text).digest('hex').slice(0, 26).toUpperCase()
}

export function remedyChannel(place: ChannelPlace, config: RemedyConfig, deps: ChannelDeps): Channel {
  return {
    name: channelName(place, 'remedy'),
    kind: 'remedy',
    receiver: place.receiver,
    // What has ended needs no repair.
    sendResolved: false,
    async send(notification): Promise<SendResult> {
      const { remedy } = deps
      const requests = requestsOf(notification, config)
      if (remedy === undefined) return failure('rejected', 'this server repairs nothing', false)
      if (requests.length === 0)
        return failure('rejected', `no alert names a host and an ${config.engine_label}`, false)
      const said: string[] = []
      let [again, refused] = [false, false]
      for (const request of requests) {
        const answer = await remedy(request)
        const words = answer.outcome === 'refused' ? `refused: ${answer.reason}` : answer.outcome
        said.push(`${request.action} ${request.host}/${request.engine}: ${words}`)
        if (answer.outcome !== 'refused') continue
        if (answer.reason === 'busy') again = true
        else refused = true
      }
      const reply = said.join('; ')
      if (again) return failure('rejected', reply, true, retryMs)
      return refused ? failure('rejected', reply, false) : { ok: true, reply }
    },
    preview: (notification) =>
      requestsOf(notification, config)
        .map(({ action, host, engine, reason }) => `${action} ${host}/${engine} (${reason})`)
        .join('\n') || 'nothing: no alert names a host and an engine',
  }
}
