// The control queue as an attacker and a crash see it: order, guard, journal before effect, nothing twice, nothing forgotten.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import * as path from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { type Control, type ControlDeps, openControl, type Target } from '../../../agent/control/control.ts'
import { type Journal, openJournal } from '../../../agent/control/journal.ts'
import type { FileLayer } from '../../../core/base/file-layer.ts'
import { silentLog } from '../../../core/base/log.ts'
import { nodeFileLayer } from '../../../core/base/node-file-layer.ts'
import { type VirtualClock, virtualClock } from '../../../core/base/virtual-clock.ts'
import type { EngineAction } from '../../../core/event/event.ts'
import type { Command } from '../../../core/wire/command.ts'

/** Syncs at once: how long a disk takes is no matter of these tests, and the virtual clock cannot wait for it. */
const files: FileLayer = {
  ...nodeFileLayer,
  open: (file, mode) => ({ ...nodeFileLayer.open(file, mode), syncAsync: async () => undefined }),
}
const folders: string[] = []
const folder = (): string => {
  const made = mkdtempSync(path.join(tmpdir(), 'iw-control-'))
  folders.push(made)
  return made
}
afterEach(() => {
  for (const made of folders.splice(0)) rmSync(made, { recursive: true, force: true })
})

type Outcome = Parameters<ControlDeps['emit']>[0]
type Bench = {
  readonly clock: VirtualClock
  readonly control: Control
  readonly journal: Journal
  readonly directory: string
  readonly outcomes: Outcome[]
  readonly performed: string[]
  /** What the engine of that name does next. */
  readonly engines: Map<string, FakeEngine>
}
type FakeEngine = {
  life: string | null
  perform: (action: EngineAction) => Promise<void>
  verified: () => Promise<string | null>
  wants: (action: EngineAction) => boolean
}

function bench(
  more: { directory?: string; budget?: ControlDeps['budget']; journal?: (real: Journal) => Journal } = {},
): Bench {
  const directory = more.directory ?? folder()
  const clock = virtualClock()
  const real = openJournal(files, directory, () => 7n)
  const journal = more.journal?.(real) ?? real
  const outcomes: Outcome[] = []
  const performed: string[] = []
  const engines = new Map<string, FakeEngine>()
  let ids = 0
  const control = openControl({
    clock,
    log: silentLog,
    journal,
    host: 'here',
    budget: more.budget ?? { actionsPerEngine: 2, windowMs: 60_000 },
    verifyMs: 1000,
    newId: () => `action-${++ids}-${clock.now()}`,
    emit: (event) => void outcomes.push(event),
  })
  for (const name of ['a', 'b']) {
    const engine: FakeEngine = {
      life: `${name}-1`,
      perform: async () => undefined,
      verified: async () => null,
      wants: () => true,
    }
    engines.set(name, engine)
    const target: Target = {
      name,
      incarnation: () => engine.life,
      wants: (action) => engine.wants(action),
      perform: async (action) => {
        performed.push(`${name} ${action}`)
        await engine.perform(action)
      },
      verified: () => engine.verified(),
    }
    control.add(target)
  }
  return { clock, control, journal, directory, outcomes, performed, engines }
}

let numbers = 0
const command = (more: Partial<Command> = {}): Command => ({
  id: `command-${++numbers}`,
  host: 'here',
  engine: 'a',
  incarnation: null,
  action: 'restart',
  principal: 'ada',
  reason: 'because',
  fence: 1,
  expiresAt: 0,
  ttlMs: 10_000,
  ...more,
})
const results = (at: Bench): string[] => at.outcomes.map((one) => `${one.action} ${one.result}`)
const reasons = (at: Bench): string[] => at.outcomes.map((one) => one.reason)

describe('a command', () => {
  it('is told started and done, once each, with who and why', async () => {
    const at = bench()
    expect(await at.control.command(command())).toBe('accepted')
    await at.clock.advance(10)
    expect(results(at)).toEqual(['restart started', 'restart done'])
    expect(at.outcomes[1]).toMatchObject({ principal: 'ada', reason: 'because', newIncarnation: 'a-1' })
    expect(at.performed).toEqual(['a restart'])
    await at.control.stop()
  })

  it('is in the journal before it has an effect and before its receipt is said', async () => {
    const order: string[] = []
    let release: () => void = () => undefined
    const gate = new Promise<void>((resolve) => {
      release = resolve
    })
    const at = bench({
      journal: (real) => ({
        ...real,
        write: async (entry) => {
          await gate
          await real.write(entry)
          order.push(`journal ${entry.step}`)
        },
      }),
    })
    at.engines.get('a')!.perform = async () => void order.push('effect')
    const receipt = at.control.command(command()).then((verdict) => order.push(verdict))
    await at.clock.advance(50)
    expect(order).toEqual([])
    release()
    await receipt
    await at.clock.advance(10)
    expect(order.indexOf('journal started')).toBe(0)
    expect(order.indexOf('accepted')).toBeGreaterThan(0)
    expect(order).toContain('effect')
    await at.control.stop()
  })

  it('that is sent twice is done once, also while the first is on its way and after the agent came back', async () => {
    const at = bench()
    const one = command()
    expect(await Promise.all([at.control.command(one), at.control.command(one)])).toEqual(['accepted', 'accepted'])
    expect(await at.control.command(one)).toBe('already known')
    await at.clock.advance(10)
    await at.control.stop()
    const again = bench({ directory: at.directory })
    expect(await again.control.command(one)).toBe('already known')
    await again.clock.advance(10)
    expect(at.performed).toEqual(['a restart'])
    expect(again.performed).toEqual([])
    await again.control.stop()
  })

  it.each([
    ['for another host', { host: 'there' }, 'refused: for host there', [], []],
    [
      'for an engine that is not here',
      { engine: 'c' },
      'refused: no such engine on this host',
      ['restart refused'],
      ['no such engine on this host'],
    ],
    [
      'for another life',
      { incarnation: 'a-0' },
      'refused: stale_incarnation',
      ['restart stale'],
      ['stale_incarnation'],
    ],
    ['that has no time left', { ttlMs: 0 }, 'refused: expired', ['restart expired'], ['expired']],
  ] as const)('%s has no effect and says so', async (_title, more, verdict, told, why) => {
    const at = bench()
    expect(await at.control.command(command(more))).toBe(verdict)
    expect(results(at)).toEqual(told)
    expect(reasons(at)).toEqual(why)
    expect(at.performed).toEqual([])
    await at.control.stop()
  })

  it('expires on the monotonic clock: a jump of the wall clock expires nothing, waiting does', async () => {
    const at = bench()
    let release: () => void = () => undefined
    at.engines.get('b')!.perform = () =>
      new Promise((resolve) => {
        release = resolve
      })
    await at.control.command(command({ engine: 'b' }))
    const patient = at.control.command(command({ ttlMs: 10_000, fence: 2 }))
    const hasty = at.control.command(command({ ttlMs: 1000, fence: 3 }))
    at.clock.jump(365 * 24 * 3600_000)
    await at.clock.advance(5000)
    release()
    expect(await Promise.all([patient, hasty])).toEqual(['accepted', 'refused: expired'])
    await at.control.stop()
  })

  it('with a lower fence than one that was obeyed is refused, also after the agent came back', async () => {
    const at = bench()
    await at.control.command(command({ fence: 9 }))
    expect(await at.control.command(command({ fence: 8 }))).toBe('refused: lower_fence')
    await at.clock.advance(10)
    await at.control.stop()
    const again = bench({ directory: at.directory })
    expect(await again.control.command(command({ fence: 8 }))).toBe('refused: lower_fence')
    expect(await again.control.command(command({ fence: 9 }))).toBe('accepted')
    await again.control.stop()
  })

  it('fails in words when the engine cannot do it, or never serves', async () => {
    const at = bench()
    at.engines.get('a')!.perform = () => Promise.reject(new Error('no such file'))
    await at.control.command(command())
    at.engines.get('b')!.verified = async () => 'not serving in time'
    await at.control.command(command({ engine: 'b' }))
    await at.clock.advance(10)
    expect(at.outcomes.filter((one) => one.result === 'failed').map((one) => one.reason)).toEqual([
      'no such file',
      'not serving in time',
    ])
    await at.control.stop()
  })

  it('whose journal cannot be written has no effect, and may be sent again', async () => {
    let full = true
    const at = bench({
      journal: (real) => ({
        ...real,
        write: (entry) => (full ? Promise.reject(new Error('ENOSPC: no space left')) : real.write(entry)),
      }),
    })
    const one = command()
    expect(await at.control.command(one)).toMatch(/^refused: the journal could not be written: ENOSPC/)
    expect(results(at)).toEqual(['restart failed'])
    expect(at.performed).toEqual([])
    full = false
    expect(await at.control.command(one)).toBe('accepted')
    await at.clock.advance(10)
    expect(at.performed).toEqual(['a restart'])
    await at.control.stop()
  })
})

describe('the queue', () => {
  it('does one thing at a time in the order of asking, and a load does not hold it up', async () => {
    const at = bench()
    const order: string[] = []
    at.engines.get('a')!.verified = () => new Promise(() => undefined)
    at.engines.get('a')!.perform = async (action) => {
      order.push(`begin ${action}`)
      await at.clock.sleep(100)
      order.push(`end ${action}`)
    }
    at.control.wish('a', 'start', 'down', true)
    void at.control.command(command({ action: 'restart' }))
    at.control.wish('b', 'start', 'down', true)
    await at.clock.advance(1000)
    expect(order).toEqual(['begin start', 'end start', 'begin restart', 'end restart'])
    expect(at.performed).toEqual(['a start', 'a restart', 'b start'])
    await at.control.stop()
  })

  it('takes nothing more once it is stopped', async () => {
    const at = bench()
    await at.control.stop()
    expect(await at.control.command(command())).toBe('refused: the agent is stopping')
    at.control.wish('a', 'start', 'down', true)
    await at.clock.advance(1000)
    expect(at.performed).toEqual([])
  })
})

describe('a wish of the local policy', () => {
  it('spends the budget, stands when it is spent, and is done when there is room again', async () => {
    const at = bench()
    for (let i = 0; i < 3; i++) at.control.wish('a', 'rebuild', `crash ${i}`, true)
    await at.clock.advance(1000)
    expect(at.performed.length).toBe(2)
    expect(at.control.budgetLeft('a')).toBe(0)
    expect(at.control.budgetLeft('b')).toBe(2)
    expect(results(at).filter((one) => one === 'rebuild refused').length).toBe(1)
    await at.clock.advance(58_000)
    expect(at.performed.length).toBe(2)
    await at.clock.advance(2000)
    expect(at.performed.length).toBe(3)
    await at.control.stop()
  })

  it('finds its budget whole, however often a person has asked for a restart', async () => {
    const at = bench({ budget: { actionsPerEngine: 1, windowMs: 600_000 } })
    for (let fence = 1; fence <= 3; fence++) {
      expect(await at.control.command(command({ fence }))).toBe('accepted')
      await at.clock.advance(10)
    }
    expect(at.control.budgetLeft('a')).toBe(1)
    at.control.wish('a', 'rebuild', 'crash', true)
    await at.clock.advance(10)
    expect(at.performed).toEqual(['a restart', 'a restart', 'a restart', 'a rebuild'])
    await at.control.stop()
  })

  it('that waited is done at once when the server leases more', async () => {
    const at = bench({ budget: { actionsPerEngine: 1, windowMs: 600_000 } })
    at.control.wish('a', 'rebuild', 'one', true)
    at.control.wish('a', 'rebuild', 'two', true)
    await at.clock.advance(1000)
    expect(at.performed.length).toBe(1)
    at.control.lease({ actionsPerEngine: 5, windowMs: 600_000 })
    await at.clock.advance(10)
    expect(at.performed.length).toBe(2)
    await at.clock.advance(700_000)
    expect(at.performed.length).toBe(2)
    await at.control.stop()
  })

  it('under a budget of nothing is refused once and stands until the server leases one', async () => {
    const at = bench({ budget: { actionsPerEngine: 0, windowMs: 60_000 } })
    at.control.wish('a', 'rebuild', 'one', true)
    await at.clock.advance(10 * 60_000 + 1000)
    expect(at.performed).toEqual([])
    expect(results(at)).toEqual(['rebuild refused'])
    at.control.lease({ actionsPerEngine: 1, windowMs: 60_000 })
    await at.clock.advance(10)
    expect(at.performed).toEqual(['a rebuild'])
    await at.control.stop()
  })

  it('that nobody wants any more is dropped, without an effect and without a word', async () => {
    const at = bench({ budget: { actionsPerEngine: 1, windowMs: 60_000 } })
    at.control.wish('a', 'rebuild', 'one', true)
    at.control.wish('a', 'rebuild', 'two', true)
    await at.clock.advance(1000)
    const before = at.outcomes.length
    at.engines.get('a')!.wants = () => false
    await at.clock.advance(120_000)
    expect(at.performed).toEqual(['a rebuild'])
    expect(at.outcomes.length).toBe(before)
    await at.control.stop()
  })

  it('that does not count passes a spent budget', async () => {
    const at = bench({ budget: { actionsPerEngine: 1, windowMs: 600_000 } })
    at.control.wish('a', 'rebuild', 'one', true)
    at.control.wish('a', 'start', 'first start', false)
    await at.clock.advance(10)
    expect(at.performed).toEqual(['a rebuild', 'a start'])
    await at.control.stop()
  })

  it('is carried out although the journal is full: an engine must not stay down for it', async () => {
    const at = bench({ journal: (real) => ({ ...real, write: () => Promise.reject(new Error('ENOSPC')) }) })
    at.control.wish('a', 'start', 'down', true)
    await at.clock.advance(100)
    expect(at.performed).toEqual(['a start'])
    expect(results(at)).toEqual(['start started', 'start done'])
  })

  it('does not bring back what a person stopped, also after the agent came back; a person does', async () => {
    const at = bench()
    await at.control.command(command({ action: 'stop', fence: 1 }))
    at.control.wish('a', 'start', 'down', true)
    await at.clock.advance(10)
    expect(at.performed).toEqual(['a stop'])
    expect(reasons(at)).toContain('stopped_by_person')
    expect([at.control.stopped('a'), at.control.stopped('b')]).toEqual([true, false])
    await at.control.stop()

    const again = bench({ directory: at.directory })
    again.control.wish('a', 'start', 'engine is to run', false)
    again.control.wish('b', 'start', 'engine is to run', false)
    await again.clock.advance(10)
    expect(again.performed).toEqual(['b start'])
    expect([again.control.stopped('a'), again.control.stopped('b')]).toEqual([true, false])
    await again.control.command(command({ action: 'start', fence: 2 }))
    again.control.wish('a', 'rebuild', 'hung', true)
    await again.clock.advance(10)
    expect(again.performed).toEqual(['b start', 'a start', 'a rebuild'])
    expect(again.control.stopped('a')).toBe(false)
    await again.control.stop()
  })
})

describe('an agent that died in the middle', () => {
  it('reports what it had begun as unknown, once, and never does it again', async () => {
    const at = bench()
    at.engines.get('a')!.perform = () => new Promise(() => undefined)
    const one = command({ action: 'rebuild' })
    await at.control.command(one)
    await at.journal.close()

    const again = bench({ directory: at.directory })
    expect(again.outcomes).toMatchObject([
      { result: 'unknown', commandId: one.id, action: 'rebuild', principal: 'ada' },
    ])
    expect(await again.control.command(one)).toBe('already known')
    await again.clock.advance(1000)
    expect(again.performed).toEqual([])
    expect(again.control.counts()).toEqual([{ engine: 'a', action: 'rebuild', result: 'unknown', count: 1 }])
    await again.control.stop()

    const third = bench({ directory: at.directory })
    expect(third.outcomes).toEqual([])
    await third.control.stop()
  })

  it('reads over entries of a newer version', async () => {
    const at = bench()
    await at.control.command(command({ fence: 4 }))
    await at.clock.advance(10)
    await at.journal.write({ step: 'thought', id: 'x' } as never)
    await at.control.stop()
    const again = bench({ directory: at.directory })
    expect(again.outcomes).toEqual([])
    expect(await again.control.command(command({ fence: 3 }))).toBe('refused: lower_fence')
    await again.control.stop()
  })
})
