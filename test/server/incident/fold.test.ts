// Stories from the history: what makes an incident, what joins it, when it is over, and what it says.

import { describe, expect, it } from 'vitest'
import type { Event } from '../../../core/event/event.ts'
import { openFold } from '../../../server/incident/fold.ts'
import { recordOf } from '../../../server/incident/record.ts'
import { day, foldAll, story } from './story.ts'

const at = (seconds: number): number => day + seconds * 1000

describe('the fold of incidents', () => {
  it('makes one closed incident of a kill: fault, restart, alert, message, recovery', () => {
    const it = story()
    it.fault(10)
    it.outcome(10.1, 'started')
    it.alert(11, 'firing')
    it.outcome(11.3, 'done', { tookMs: 1200 })
    it.delivery(12)
    it.alert(14, 'resolved')
    it.delivery(15, { transition: 'resolved', messageId: 'message-2' })
    const [incident, ...others] = foldAll(it.events)
    expect(others).toEqual([])
    expect(incident).toMatchObject({
      id: expect.stringMatching(/^I[0-9a-f]{12}$/),
      host: 'gpu-1',
      engine: 'default',
      cause: 'killed',
      severity: 'critical',
      openedAt: at(10),
      closedAt: at(14),
      counts: { faults: 1, alerts: 1, actions: 1, failed: 0, refused: 0, sent: 2, unsent: 0 },
      times: { detectedAt: at(10), actedAt: at(10.1), verifiedAt: at(11.3), notifiedAt: at(12), resolvedAt: at(14) },
      told: [
        { at: at(12), receiver: 'oncall', status: 'sent', transition: 'firing', reply: '{"errcode":0}' },
        { at: at(15), receiver: 'oncall', status: 'sent', transition: 'resolved' },
      ],
    })
    expect(incident!.summary.en).toBe(
      'Engine default on gpu-1 was killed from outside (killed from outside by SIGKILL; no sign of memory pressure); ' +
        'start by the local policy; serving again, verified by an inference 1.3 s after detection.',
    )
    expect(incident!.summary.zh).toBe(
      '主机 gpu-1 上的引擎 default 被外部强制终止(被外部以 SIGKILL 终止,没有内存压力的迹象);' +
        '本地策略已启动;发现后 1.3 秒恢复服务,并经真实推理验证。',
    )
    expect(incident!.timeline.map((line) => line.kind)).toEqual([
      'fault',
      'outcome',
      'transition',
      'outcome',
      'delivery',
      'transition',
      'delivery',
    ])
    expect(incident!.timeline[0]!.evidence).toEqual([{ source: 'parent', statement: 'ended by SIGKILL' }])
  })

  it.each([
    { cause: 'aborted', detail: 'assertion failed: n > 0', says: 'aborted (assertion failed: n > 0)', zh: '异常中止' },
    {
      cause: 'out_of_memory',
      detail: 'an allocation failed',
      says: 'ran out of memory (an allocation failed)',
      zh: '内存耗尽',
    },
    { cause: 'unknown', detail: '', says: 'ended for an unknown reason;', zh: '因不明原因结束' },
  ] as const)('names $cause as its cause, in both languages', ({ cause, detail, says, zh }) => {
    const it = story()
    it.fault(1, { cause, detail })
    const [incident] = foldAll(it.events)
    expect(incident).toMatchObject({ cause, closedAt: null, detail })
    expect(incident!.summary.en).toContain(says)
    expect(incident!.summary.en).toContain('not yet proved to serve again')
    expect(incident!.summary.zh).toContain(zh)
  })

  it('shows the judgement before a hang, and closes when the rebuild was verified', () => {
    const it = story()
    it.verdict(60, 'hung', 'busy')
    it.fault(60.001, { cause: 'hung', detail: 'no progress for 60 s while work waited' })
    it.outcome(60.01, 'started', { action: 'rebuild' })
    expect(foldAll(it.events)[0]!.closedAt).toBeNull()
    it.outcome(63, 'done', { action: 'rebuild', tookMs: 2990 })
    const [incident] = foldAll(it.events)
    expect(incident!.closedAt).toBe(at(63))
    expect(incident!.timeline.map((line) => line.kind)).toEqual(['verdict', 'fault', 'outcome', 'outcome'])
    expect(incident!.timeline[3]!.words.en).toBe('rebuild done in 3 s: an inference was verified')
  })

  it('keeps a crash loop in one incident with a count, and says when the budget is spent', () => {
    const it = story()
    for (const second of [0, 5, 20]) {
      it.fault(second)
      it.outcome(second + 0.1, 'started')
      it.outcome(second + 1, 'done')
    }
    it.fault(50)
    it.outcome(50.1, 'refused', { reason: 'budget_spent' })
    const [incident, ...others] = foldAll(it.events)
    expect(others).toEqual([])
    expect(incident).toMatchObject({ closedAt: null, counts: { faults: 4, actions: 3, refused: 1 } })
    expect(incident!.summary.en).toContain(
      '4 faults in a row; start by the local policy (3 actions); not serving: the restart budget is spent, a person is needed',
    )
    expect(incident!.summary.zh).toContain('重启预算已用完,需要人工处理')
    it.command(300, { action: 'start' })
    it.outcome(300.1, 'started', { principal: 'alice', commandId: 'command-1' })
    it.outcome(301, 'done', { principal: 'alice', commandId: 'command-1' })
    expect(foldAll(it.events)).toMatchObject([{ closedAt: at(301), counts: { faults: 4, actions: 4 } }])
  })

  it('names the cause of the last fault where it is another than that of the first', () => {
    const it = story()
    it.fault(0, { cause: 'hung', detail: '' })
    it.fault(5, { cause: 'load_failed', detail: 'no such file' })
    const [incident] = foldAll(it.events)
    expect(incident!.summary.en).toContain('hung; 2 faults in a row, at the last it could not load;')
    expect(incident!.summary.zh).toContain('共 2 次故障,最近一次加载失败;')
  })

  it('tells a fault long after the recovery as an incident of its own', () => {
    const it = story()
    it.fault(0)
    it.outcome(1, 'done')
    it.fault(62)
    expect(foldAll(it.events).map((one) => one.closedAt)).toEqual([at(1), null])
  })

  it('an agent that ends in the middle leaves an unknown outcome; the resolved alert closes it, no inference is claimed', () => {
    const it = story()
    it.fault(0)
    it.outcome(0.1, 'started')
    it.alert(1, 'firing')
    it.outcome(5, 'unknown', { reason: 'the agent ended between the start of this action and its end' })
    it.change(5.1)
    expect(foldAll(it.events)[0]!.closedAt).toBeNull()
    it.alert(9, 'resolved')
    const [incident] = foldAll(it.events)
    expect(incident).toMatchObject({ closedAt: at(9), times: { verifiedAt: null, resolvedAt: at(9) } })
    expect(incident!.summary.en).toContain('over after 9 s')
    expect(incident!.summary.en).not.toContain('verified')
  })

  it("a person's restart is no incident, and what preceded a failed one is shown", () => {
    const it = story()
    it.command(0)
    it.outcome(0.1, 'started', { action: 'restart', principal: 'alice', commandId: 'command-1' })
    it.outcome(2, 'done', { action: 'restart', principal: 'alice', commandId: 'command-1' })
    expect(foldAll(it.events)).toEqual([])
    it.command(100)
    it.outcome(100.1, 'started', { action: 'restart', principal: 'alice', commandId: 'command-2' })
    it.outcome(104, 'failed', {
      action: 'restart',
      principal: 'alice',
      commandId: 'command-2',
      reason: 'no such model',
    })
    const [incident, ...others] = foldAll(it.events)
    expect(others).toEqual([])
    expect(incident).toMatchObject({ cause: 'action_failed', severity: 'critical', closedAt: null, openedAt: at(104) })
    expect(incident!.timeline.map((line) => line.words.en)).toEqual([
      'alice asked for restart: new weights',
      'restart begun by alice',
      'restart done in 1.2 s: an inference was verified',
      'alice asked for restart: new weights',
      'restart begun by alice',
      'restart by alice failed: no such model',
    ])
  })

  it('closes when somebody stops the engine on purpose', () => {
    const it = story()
    it.fault(0)
    it.outcome(0.1, 'started')
    it.outcome(9, 'done', { action: 'stop', principal: 'alice' })
    const [incident] = foldAll(it.events)
    expect(incident).toMatchObject({ closedAt: at(9), times: { verifiedAt: null } })
    expect(incident!.summary.en).toContain('then stopped on purpose')
  })

  it('an alert that comes a moment after the recovery belongs to its fault', () => {
    const it = story()
    it.fault(0)
    it.outcome(0.1, 'started')
    it.outcome(0.5, 'done')
    expect(foldAll(it.events)[0]!.closedAt).toBe(at(0.5))
    it.alert(1, 'firing')
    expect(foldAll(it.events)).toMatchObject([
      { closedAt: null, summary: { en: expect.stringContaining('an alert still fires') } },
    ])
    it.alert(31, 'resolved')
    expect(foldAll(it.events)).toMatchObject([{ closedAt: at(31), counts: { alerts: 1 } }])
  })

  it('an alert before its fault opens the incident, and the fault gives it its cause', () => {
    const it = story()
    it.alert(5, 'firing', { rule: 'EngineDown', labels: { severity: 'warning', host: 'gpu-1', engine: 'default' } })
    expect(foldAll(it.events)).toMatchObject([{ cause: 'EngineDown', severity: 'warning' }])
    const before = foldAll(it.events)[0]!.id
    it.fault(4)
    expect(foldAll(it.events)).toMatchObject([{ id: before, cause: 'killed', severity: 'critical', openedAt: at(4) }])
  })

  it('alerts without an engine make one incident for each host and rule', () => {
    const it = story()
    const disk = (host: string, mount: string, fingerprint: string) => ({
      rule: 'HostDiskLow',
      group: 'host',
      fingerprint,
      labels: { severity: 'warning', host, mount },
      annotations: { summary: `disk of ${host} is nearly full` },
    })
    it.alert(0, 'firing', disk('gpu-1', '/a', 'a'))
    it.alert(1, 'firing', disk('gpu-1', '/b', 'b'))
    it.alert(2, 'firing', disk('gpu-2', '/a', 'c'))
    it.alert(3, 'resolved', disk('gpu-1', '/a', 'a'))
    it.delivery(4, { fingerprints: ['a', 'c', 'nobody'] })
    const incidents = foldAll(it.events)
    expect(incidents.map((one) => [one.host, one.engine, one.counts.alerts, one.counts.sent, one.closedAt])).toEqual([
      ['gpu-1', null, 2, 1, null],
      ['gpu-2', null, 1, 1, null],
    ])
    it.alert(9, 'resolved', disk('gpu-1', '/b', 'b'))
    expect(foldAll(it.events)[0]).toMatchObject({ closedAt: at(9), cause: 'HostDiskLow', severity: 'warning' })
    expect(foldAll(it.events)[0]!.summary).toEqual({
      en: 'Alert HostDiskLow on gpu-1: disk of gpu-1 is nearly full; over after 9 s.',
      zh: 'gpu-1 告警 HostDiskLow:disk of gpu-1 is nearly full;9 秒后恢复。',
    })
  })

  it('a pending alert alone is no incident; a fault does not touch the other engine', () => {
    const [a, b] = [story(), story('gpu-1', 'second')]
    a.alert(0, 'pending')
    a.alert(1, 'inactive')
    expect(foldAll(a.events)).toEqual([])
    b.fault(2)
    a.outcome(3, 'started')
    a.outcome(4, 'done')
    expect(foldAll([...b.events, ...a.events])).toMatchObject([
      { engine: 'second', closedAt: null, counts: { actions: 0 } },
    ])
  })

  it('a fault that arrives late, with an earlier time, joins the incident that it belongs to and does not open it again', () => {
    const it = story()
    it.alert(5, 'firing')
    it.outcome(6, 'started')
    it.outcome(8, 'done')
    it.alert(10, 'resolved')
    it.fault(4.5)
    expect(foldAll(it.events)).toMatchObject([{ cause: 'killed', openedAt: at(4.5), closedAt: at(10) }])
    expect(foldAll(it.events)[0]!.timeline.map((line) => line.at)).toEqual([4.5, 5, 6, 8, 10].map(at))
  })

  it('an outcome that arrives before its fault still proves nothing about it', () => {
    const it = story()
    it.outcome(3, 'done')
    it.fault(5)
    it.outcome(4, 'started')
    expect(foldAll(it.events)).toMatchObject([{ closedAt: null }])
  })

  it('bounds the timeline and counts what it left out', () => {
    const it = story()
    for (let n = 0; n < 500; n++) it.fault(n)
    const [incident] = foldAll(it.events)
    expect(incident).toMatchObject({ counts: { faults: 500 }, leftOut: 300, openedAt: at(0) })
    expect(incident!.timeline).toHaveLength(200)
    expect([incident!.timeline[0]!.at, incident!.timeline[99]!.at]).toEqual([at(0), at(99)])
    expect(incident!.timeline.at(-1)!.at).toBe(at(499))
  })

  it('gives up the oldest closed incidents for room, open ones last, and counts them', () => {
    const fold = openFold({ incidents: 3, entries: 1000, keys: 10 })
    let sequence = 0
    for (const [index, engine] of ['a', 'b', 'c', 'd', 'e'].entries()) {
      const it = story('gpu-1', engine)
      it.fault(index * 10)
      if (engine !== 'a') it.outcome(index * 10 + 1, 'done')
      for (const event of it.events) fold.take(++sequence, { ...event, id: `${engine}-${event.id}` })
    }
    expect(fold.incidents().map((one) => one.engine)).toEqual(['a', 'd', 'e'])
    expect(fold.dropped).toBe(2)
    fold.forget(at(35))
    expect(fold.incidents().map((one) => one.engine)).toEqual(['a', 'e'])
  })
})

describe('folding again', () => {
  /** Everything that can happen, mixed by a fixed order of steps. */
  function busy(): readonly Event[] {
    const stories = ['a', 'b', 'c'].map((engine) => story('gpu-1', engine))
    const results = ['started', 'done', 'failed', 'refused', 'unknown', 'stale'] as const
    const states = ['pending', 'firing', 'resolved', 'inactive'] as const
    for (let step = 0; step < 400; step++) {
      const it = stories[step % 3]!
      const when = step * 7 + ((step * 13) % 29) - 14 + 100
      const choice = (step * 31) % 7
      if (choice < 1) it.fault(when)
      else if (choice < 3) it.outcome(when, results[(step * 17) % results.length]!)
      else if (choice < 4) it.alert(when, states[(step * 11) % 4]!, { fingerprint: `f${step % 3}` })
      else if (choice < 5) it.delivery(when, { fingerprints: [`f${step % 3}`] })
      else if (choice < 6) it.change(when, { host: 'gpu-1', engine: null, subject: 'config' })
      else it.verdict(when, step % 2 === 0 ? 'hung' : 'busy', 'unknown')
    }
    const events = stories.flatMap((one, index) =>
      one.events.map((event) => ({ ...event, id: `${index}-${event.id}` })),
    )
    return events.sort((a, b) => a.id.slice(2).localeCompare(b.id.slice(2)) || a.id.localeCompare(b.id))
  }

  it('gives the same incidents, after a restart and in whatever pieces the history is read', () => {
    const events = busy()
    const whole = foldAll(events)
    expect(whole.length).toBeGreaterThan(5)
    expect(foldAll(structuredClone(events))).toEqual(whole)
    const fold = openFold()
    for (const [index, event] of events.entries()) {
      fold.take(index + 1, event)
      // Reading in between must not change what is gathered.
      if (index % 10 === 0) fold.incidents().map(recordOf)
    }
    expect(fold.incidents().map(recordOf)).toEqual(whole)
  })

  it('never says closed while an alert fires or after a fault that nothing answered', () => {
    for (const incident of foldAll(busy())) {
      if (incident.closedAt === null) continue
      expect(incident.closedAt).toBeGreaterThanOrEqual(incident.openedAt)
      const last = new Map<string, string>()
      for (const line of incident.timeline) if (line.kind === 'transition') last.set('alert', line.words.en)
      expect(last.get('alert') ?? '').not.toContain(' firing')
    }
  })
})
