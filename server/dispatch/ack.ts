// An acknowledgement: somebody took an alert over, until some time. People are not reminded of the alert meanwhile and it climbs no further; its
// end is told, and so is whatever else happens in its group. It is for one episode: an alert that began after it is not acknowledged.

import { InferwardError } from '../../core/base/errors.ts'
import { type Alert, isResolved } from '../alert/alert.ts'

export type Ack = {
  readonly fingerprint: string
  /** Who has it now. */
  readonly owner: string
  readonly comment: string
  /** Milliseconds. */
  readonly at: number
  readonly expiresAt: number
}

const limits = { owner: 200, comment: 4000 } as const
const longestMs = 30 * 86_400_000

const invalid = (message: string): InferwardError => new InferwardError({ code: 'ack.invalid', message })

/** Throws `ack.invalid`, `ack.not_found`. */
export function checkAck(ack: Ack, alert: Alert | undefined): void {
  const { owner, comment, at, expiresAt } = ack
  if (owner === '' || owner.length > limits.owner) throw invalid(`the owner has 1 to ${limits.owner} characters`)
  if (comment.length > limits.comment) throw invalid(`the comment has more than ${limits.comment} characters`)
  if ((owner + comment).includes('\u0000')) throw invalid('a NUL character is in it')
  if (!(expiresAt > at && expiresAt - at <= longestMs)) throw invalid('it must expire later than now, within 30 days')
  if (alert === undefined || isResolved(alert, at))
    throw new InferwardError({
      code: 'ack.not_found',
      message: `no alert ${ack.fingerprint} fires`,
      hint: 'See which do: GET /alertmanager/api/v2/alerts.',
    })
}

/** Whether it is about this episode of the alert. */
export const isOf = (ack: Ack, alert: Pick<Alert, 'fingerprint' | 'startsAt'>): boolean =>
  ack.fingerprint === alert.fingerprint && alert.startsAt <= ack.at
