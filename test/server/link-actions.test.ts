// What a link does to the rooms behind it.

import { describe, expect, it } from 'vitest'
import { virtualClock } from '../../core/base/virtual-clock.ts'
import type { Ack } from '../../server/dispatch/ack.ts'
import type { PostedSilence } from '../../server/dispatch/silence.ts'
import { linkActions } from '../../server/link-actions.ts'
import { alert, at } from './notify/sample.ts'

function open() {
  const acked: Ack[] = []
  const silenced: PostedSilence[] = []
  const labels = { alertname: 'GpuTooHot', host: 'a' }
  const actions = linkActions({
    clock: virtualClock(at),
    alerts: () => [
      alert({ fingerprint: '1', labels }),
      alert({ fingerprint: '2', labels: { ...labels, host: 'b' } }),
      alert({ fingerprint: '3', labels, endsAt: at - 1 }),
      alert({ fingerprint: '4', labels: { alertname: 'Other' } }),
    ],
    silences: {
      set: async (posted) => {
        silenced.push(posted)
        return 's1'
      },
    },
    acks: { set: async (ack) => void acked.push(ack) },
  })
  return { actions, acked, silenced }
}
const rest = { comment: 'c', expiresAt: at + 1000 }

describe('a link', () => {
  it('acknowledges every alert that fires with its labels', async () => {
    const { actions, acked } = open()
    expect(await actions.ack({ labels: { alertname: 'GpuTooHot' }, owner: 'Ann', ...rest })).toEqual({ alerts: 2 })
    expect(acked).toEqual(['1', '2'].map((fingerprint) => ({ fingerprint, owner: 'Ann', at, ...rest })))
  })

  it('says so when none of them fires any more', async () => {
    const { actions, acked } = open()
    await expect(actions.ack({ labels: { alertname: 'Gone' }, owner: 'Ann', ...rest })).rejects.toThrow('none of these')
    expect(acked).toEqual([])
  })

  it('silences exactly its labels', async () => {
    const { actions, silenced } = open()
    const asked = { labels: { alertname: 'A', host: 'h' }, endsAt: at + 1000, createdBy: 'Ann', comment: 'c' }
    expect(await actions.silence(asked)).toEqual({ id: 's1', endsAt: at + 1000 })
    expect(silenced[0]!.matchers).toEqual([
      { name: 'alertname', op: '=', value: 'A' },
      { name: 'host', op: '=', value: 'h' },
    ])
  })
})
