// The one way to an engine: wishes of the local policy and commands of the server stand in the same queue, pass the same guard, are in the
// journal before they have an effect, and end in exactly one outcome event. Only a wish may go on without the journal, when the disk is
// full: nobody can send it twice, and an engine must not stay down for it.

import type { Clock } from '../../core/base/clock.ts'
import { errorText } from '../../core/base/errors.ts'
import type { Log } from '../../core/base/log.ts'
import type { EngineAction, EventOf } from '../../core/event/event.ts'
import { type Budget, budgetLeft, guard } from '../../core/repair/guard.ts'
import type { Command } from '../../core/wire/command.ts'
import type { Journal } from './journal.ts'

/** What control needs of an engine. */
export type Target = {
  readonly name: string
  perform(action: EngineAction): Promise<void>
  verified(timeoutMs: number): Promise<string | null>
  incarnation(): string | null
  /** Does the local policy still want this? A wish may have waited for the budget while the world went on. */
  wants(action: EngineAction): boolean
}

export type ControlDeps = {
  readonly clock: Clock
  readonly log: Log
  readonly journal: Journal
  readonly host: string
  readonly budget: Budget
  /** Longest wait for a verified start, milliseconds. */
  readonly verifyMs: number
  readonly newId: () => string
  readonly emit: (event: Omit<EventOf<'outcome'>, 'id' | 'at' | 'host'> & { readonly kind: 'outcome' }) => void
}

export type Control = {
  add(target: Target): void
  /** A wish of the local policy. */
  wish(engine: string, action: EngineAction, reason: string, counts: boolean): void
  /** A command of the server; resolves when it is journalled or refused, with words. */
  command(command: Command): Promise<string>
  lease(budget: Budget): void
  budgetLeft(engine: string): number
  /** A person stopped it and nobody has asked for it since; so it stays after the agent came back. */
  stopped(engine: string): boolean
  /** Actions by result, for metrics. */
  counts(): readonly {
    readonly engine: string
    readonly action: string
    readonly result: string
    readonly count: number
  }[]
  stop(): Promise<void>
}

type Job = {
  readonly engine: string
  readonly action: EngineAction
  readonly principal: string
  readonly reason: string
  readonly command: Command | null
  readonly expiresAt: number | null
  readonly counts: boolean
  readonly decidedAt: number
  /** Called once: the command is in the journal, or what came of it instead. */
  readonly received: (verdict: string) => void
}

/** A wish that the budget refused, until there is room; without a timer, until another budget is leased. */
type Standing = { readonly job: Job; readonly timer: Disposable | null }

export function openControl(deps: ControlDeps): Control {
  const { clock, journal } = deps
  const targets = new Map<string, Target>()
  const actions = new Map<string, number[]>()
  const stoppedByPerson = new Set(journal.stopped)
  const fences = new Map(journal.fences)
  const known = new Set(journal.known)
  /** Commands on their way to the journal: one that is sent again meanwhile gets the same answer. */
  const arriving = new Map<string, Promise<string>>()
  const standing = new Set<Standing>()
  const tally = new Map<string, number>()
  let budget = deps.budget
  let queue: Promise<void> = Promise.resolve()
  let closed = false

  const tell = (job: Job, result: EventOf<'outcome'>['result'], reason: string, tookMs: number | null): void => {
    const key = JSON.stringify([job.engine, job.action, result])
    tally.set(key, (tally.get(key) ?? 0) + 1)
    deps.emit({
      kind: 'outcome',
      engine: job.engine,
      incarnation: targets.get(job.engine)?.incarnation() ?? null,
      commandId: job.command?.id ?? null,
      action: job.action,
      principal: job.principal,
      result,
      reason: reason.slice(0, 1000),
      tookMs,
      newIncarnation:
        result === 'done' || result === 'started' ? (targets.get(job.engine)?.incarnation() ?? null) : null,
    })
  }

  const carryOut = async (job: Job): Promise<void> => {
    const target = targets.get(job.engine)
    if (target === undefined) {
      job.received('refused: no such engine on this host')
      return tell(job, 'refused', 'no such engine on this host', null)
    }
    if (job.command === null && !target.wants(job.action)) return
    const now = clock.monotonic()
    const spent = actions.get(job.engine) ?? []
    const answer = guard(
      {
        action: job.action,
        origin: job.command === null ? 'local-policy' : 'command',
        incarnation: job.command?.incarnation ?? null,
        fence: job.command?.fence ?? null,
        expiresAt: job.expiresAt,
      },
      {
        incarnation: target.incarnation(),
        highestFence: fences.get(job.engine) ?? 0,
        stoppedByPerson: stoppedByPerson.has(job.engine),
        acting: false,
        actions: job.counts ? spent : [],
      },
      budget,
      now,
    )
    if (!answer.allow) {
      const result =
        answer.reason === 'expired' ? 'expired' : answer.reason === 'stale_incarnation' ? 'stale' : 'refused'
      job.received(`refused: ${answer.reason}`)
      tell(job, result, answer.reason, null)
      // The wish stands: ask again when the budget has room, or another is leased.
      if (job.command === null && answer.reason === 'budget_spent') stand(job, answer.retryMs)
      return
    }
    const id = deps.newId()
    const line = {
      id,
      commandId: job.command?.id ?? null,
      engine: job.engine,
      action: job.action,
      principal: job.principal,
      fence: job.command?.fence ?? null,
      at: clock.now(),
    }
    try {
      await journal.write({ ...line, step: 'started', result: '' })
    } catch (error) {
      const words = `the journal could not be written: ${errorText(error)}`
      if (job.command !== null) {
        known.delete(job.command.id)
        job.received(`refused: ${words}`)
        return tell(job, 'failed', words, null)
      }
      deps.log.error('action goes on without the journal', { engine: job.engine, action: job.action, error: words })
    }
    job.received('accepted')
    if (job.command !== null) {
      fences.set(job.engine, job.command.fence)
      if (job.action === 'stop') stoppedByPerson.add(job.engine)
      else stoppedByPerson.delete(job.engine)
    }
    if (job.counts) actions.set(job.engine, [...spent.filter((at) => now - at < budget.windowMs), now])
    tell(job, 'started', job.reason, null)
    const end = async (result: 'done' | 'failed', reason: string): Promise<void> => {
      try {
        await journal.write({ ...line, step: 'ended', result })
      } catch (error) {
        deps.log.error('outcome could not be journalled', { engine: job.engine, error: errorText(error) })
      }
      tell(job, result, reason, clock.monotonic() - job.decidedAt)
    }
    try {
      await target.perform(job.action)
    } catch (error) {
      return end('failed', errorText(error))
    }
    if (job.action === 'stop') return end('done', job.reason)
    // A load may take minutes: the queue goes on, the outcome comes when a real inference proved it.
    target
      .verified(deps.verifyMs)
      .then((words) => (words === null ? end('done', job.reason) : end('failed', words)))
      .catch((error: unknown) =>
        deps.log.error('outcome could not be recorded', { engine: job.engine, error: errorText(error) }),
      )
  }

  const stand = (job: Job, retryMs: number | null): void => {
    const again = (): void => {
      standing.delete(entry)
      void enqueue({ ...job, decidedAt: clock.monotonic() })
    }
    const entry: Standing = { job, timer: retryMs === null ? null : clock.timer(retryMs, again) }
    standing.add(entry)
  }
  /** The budget changed: whoever waits for it may ask at once. */
  const askAgain = (): void => {
    for (const entry of [...standing]) {
      standing.delete(entry)
      entry.timer?.[Symbol.dispose]()
      void enqueue({ ...entry.job, decidedAt: clock.monotonic() })
    }
  }

  const enqueue = (job: Job): Promise<void> => {
    if (closed) return Promise.resolve()
    queue = queue
      .then(() => carryOut(job))
      .catch((error: unknown) =>
        deps.log.error('action failed', { engine: job.engine, action: job.action, error: errorText(error) }),
      )
    return queue
  }

  // Begun by an earlier life of this agent and never ended: nobody knows what came of it, and nobody runs it again.
  for (const old of journal.unfinished) {
    deps.emit({
      kind: 'outcome',
      engine: old.engine,
      incarnation: null,
      commandId: old.commandId,
      action: old.action,
      principal: old.principal,
      result: 'unknown',
      reason: 'the agent ended between the start of this action and its end',
      tookMs: null,
      newIncarnation: null,
    })
    const key = JSON.stringify([old.engine, old.action, 'unknown'])
    tally.set(key, (tally.get(key) ?? 0) + 1)
    void journal
      .write({ ...old, step: 'ended', result: 'unknown' })
      .catch((error: unknown) => deps.log.error('journal write failed', { error: errorText(error) }))
  }

  return {
    add: (target) => void targets.set(target.name, target),
    wish: (engine, action, reason, counts) =>
      void enqueue({
        engine,
        action,
        reason,
        counts,
        principal: 'local-policy',
        command: null,
        expiresAt: null,
        decidedAt: clock.monotonic(),
        received: () => undefined,
      }),
    async command(command) {
      if (command.host !== deps.host) return `refused: for host ${command.host}`
      if (closed) return 'refused: the agent is stopping'
      const pending = arriving.get(command.id)
      if (pending !== undefined) return pending
      if (known.has(command.id)) return 'already known'
      known.add(command.id)
      const answer = new Promise<string>((received) => {
        void enqueue({
          engine: command.engine,
          action: command.action,
          reason: command.reason,
          // The budget is the local policy's own: who orders is a person, or the server, which has budgets of its own.
          counts: false,
          principal: command.principal,
          command,
          expiresAt: clock.monotonic() + command.ttlMs,
          decidedAt: clock.monotonic(),
          received,
        })
      })
      arriving.set(command.id, answer)
      return answer.finally(() => arriving.delete(command.id))
    },
    lease: (next) => {
      budget = next
      askAgain()
    },
    stopped: (engine) => stoppedByPerson.has(engine),
    budgetLeft: (engine) => budgetLeft(actions.get(engine) ?? [], budget, clock.monotonic()),
    counts: () =>
      [...tally].map(([key, count]) => {
        const [engine, action, result] = JSON.parse(key) as [string, string, string]
        return { engine, action, result, count }
      }),
    async stop() {
      closed = true
      for (const entry of standing) entry.timer?.[Symbol.dispose]()
      standing.clear()
      await queue
      await journal.close()
    },
  }
}
