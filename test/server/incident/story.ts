// Histories for tests, told line by line: `at` in seconds after midnight of one day, ids from a counter, everything else only where it matters.

import type { Event, EventOf } from '../../../core/event/event.ts'
import { openFold } from '../../../server/incident/fold.ts'
import { type Incident, recordOf } from '../../../server/incident/record.ts'

export const day = Date.UTC(2026, 10, 20)

type Rest<K extends Event['kind']> = Partial<Omit<EventOf<K>, 'kind' | 'at' | 'id'>>

export function story(host = 'gpu-1', engine = 'default') {
  const events: Event[] = []
  const push = (at: number, event: Omit<Event, 'id' | 'at'>): string => {
    const id = `event-${String(events.length).padStart(6, '0')}`
    events.push({ ...event, id, at: day + Math.round(at * 1000) } as Event)
    return id
  }
  const base = { host, engine, incarnation: 'life-1' }
  return {
    events,
    fault: (at: number, rest: Rest<'fault'> = {}) =>
      push(at, {
        ...base,
        kind: 'fault',
        cause: 'killed',
        detail: 'killed from outside by SIGKILL; no sign of memory pressure',
        evidence: [{ source: 'parent', statement: 'ended by SIGKILL' }],
        ...rest,
      } as Omit<Event, 'id' | 'at'>),
    verdict: (at: number, verdict: EventOf<'verdict'>['verdict'], previous: EventOf<'verdict'>['verdict']) =>
      push(at, { ...base, kind: 'verdict', verdict, previous, evidence: [] } as Omit<Event, 'id' | 'at'>),
    outcome: (at: number, result: EventOf<'outcome'>['result'], rest: Rest<'outcome'> = {}) =>
      push(at, {
        ...base,
        kind: 'outcome',
        commandId: null,
        action: 'start',
        principal: 'local-policy',
        result,
        reason: '',
        tookMs: result === 'done' ? 1200 : null,
        newIncarnation: null,
        ...rest,
      } as Omit<Event, 'id' | 'at'>),
    command: (at: number, rest: Rest<'command'> = {}) =>
      push(at, {
        ...base,
        kind: 'command',
        commandId: 'command-1',
        action: 'restart',
        principal: 'alice',
        reason: 'new weights',
        ...rest,
      } as Omit<Event, 'id' | 'at'>),
    change: (at: number, rest: Rest<'change'> = {}) =>
      push(at, {
        ...base,
        kind: 'change',
        subject: 'engine',
        principal: 'agent',
        detail: 'adopted pid 7',
        ...rest,
      } as Omit<Event, 'id' | 'at'>),
    alert: (at: number, state: EventOf<'transition'>['state'], rest: Rest<'transition'> = {}) =>
      push(at, {
        host: 'server',
        engine: null,
        incarnation: null,
        kind: 'transition',
        fingerprint: 'f1',
        group: 'crash',
        rule: 'EngineCrashed',
        state,
        labels: { alertname: 'EngineCrashed', severity: 'critical', host, engine },
        annotations: { summary: `${engine} on ${host} crashed`, summary_zh: `${host} 上的 ${engine} 崩溃` },
        value: 1,
        activeAt: day + Math.round(at * 1000),
        ...rest,
      } as Omit<Event, 'id' | 'at'>),
    delivery: (at: number, rest: Rest<'delivery'> = {}) =>
      push(at, {
        host: 'server',
        engine: null,
        incarnation: null,
        kind: 'delivery',
        receiver: 'oncall',
        channel: 'oncall/dingtalk[0]',
        messageId: 'message-1',
        status: 'sent',
        transition: 'firing',
        fingerprints: ['f1'],
        attempt: 1,
        reply: '{"errcode":0}',
        ...rest,
      } as Omit<Event, 'id' | 'at'>),
  }
}

export function foldAll(events: readonly Event[]): readonly Incident[] {
  const fold = openFold()
  for (const [index, event] of events.entries()) fold.take(index + 1, event)
  return fold.incidents().map(recordOf)
}
