// The server's end of rules that agents work out for their own hosts: offers them, takes what agents tell into the alert store, and judges for
// a host itself while its agent is silent. Invariant: what an agent told is acknowledged only once it is durable.

import type { Clock } from '../../core/base/clock.ts'
import { errorText } from '../../core/base/errors.ts'
import type { Log } from '../../core/base/log.ts'
import { hostLabel } from '../../core/rules/host-local.ts'
import { fingerprint } from '../../core/rules/labels.ts'
import type { Amendment, RestoredAlert, Transition } from '../../core/rules/transition.ts'
import { decodeRulesRecord, type RulePick, type RulesOffer, type RulesRecord } from '../../core/wire/host-rules.ts'
import { heartbeatMs } from '../../core/wire/message.ts'
import { amended, corrections, type KnownLife, nextStep } from './merge.ts'
import { noRules, offerOf, type RuleSet, ruleSet, tooLarge } from './offer.ts'
import { type HostRecord, newRecord } from './owner.ts'

/** As an agent is called late: two heartbeats and a half. */
export const takeOverMs = 2.5 * heartbeatMs
/** An agent that is heard and does not answer: longer than any backlog of changes takes. */
const answerMs = 60_000
const sweepMs = 1000
/** Of a host that is gone nothing is held that another connection would not bring. */
const forgetMs = 3_600_000

type Life = Pick<Transition, 'fingerprint' | 'file' | 'group' | 'rule' | 'activeAt'>
export type RulesDeps = {
  readonly clock: Clock
  readonly log: Log
  readonly alerts: {
    restored(): readonly RestoredAlert[]
    known(life: Life): KnownLife | null
    apply(transitions: readonly Transition[], amendments?: readonly Amendment[]): void
    /** Everything applied before is durable. */
    written(): Promise<void>
  }
  readonly store: {
    picks(): Promise<readonly (RulePick & { readonly names: readonly string[] })[]>
    hold(host: string): Promise<void>
    show(host: string, alerts: readonly RestoredAlert[]): Promise<void>
    release(host: string, alerts: readonly RestoredAlert[]): Promise<void>
  }
  /** To the agent of this host, if it is connected. */
  readonly send: (host: string, offer: RulesOffer) => void
  /** Never the same twice. */
  readonly newTerm: () => string
  readonly externalLabels: Readonly<Record<string, string>>
  readonly externalUrl: string
  readonly intervalMs: number
}
export type RulesStats = {
  /** Hosts by who judges their rules; of hosts that ever connected. */
  readonly hosts: Readonly<Record<'server' | 'moving' | 'agent', number>>
  readonly takenOver: number
  /** Changes that were known already, or were of a rule that is no more. */
  readonly leftOut: number
  /** Alerts that were put right after a statement. */
  readonly corrected: number
  readonly malformed: number
}
export type Rules = {
  /** These files are in force once `load` is done; meanwhile no rule belongs to an agent. */
  load(files: readonly { readonly file: string; readonly text: string }[], load: () => Promise<void>): Promise<void>
  /** The agent of this host has connected; `capable`: it works rules out. */
  connected(host: string, capable: boolean): void
  heard(host: string): void
  gone(host: string): void
  /** One frame of the stream `transitions`. Rejects where it must be sent again. */
  received(host: string, payload: Uint8Array): Promise<void>
  start(): void
  stop(): void
  stats(): RulesStats
}

export function openRules(deps: RulesDeps): Rules {
  const { clock, log, alerts, store } = deps
  const records = new Map<string, HostRecord>()
  let set: RuleSet | null = null
  let names: ReadonlySet<string> = new Set()
  let loading: Promise<void> = Promise.resolve()
  let timer: Disposable | null = null
  let [takenOver, leftOut, corrected, malformed] = [0, 0, 0, 0]

  const recordOf = (host: string): HostRecord => {
    let record = records.get(host)
    if (record === undefined) {
      record = newRecord(clock.monotonic())
      records.set(host, record)
    }
    return record
  }
  /** After everything that was begun for this host. */
  const serial = (record: HostRecord, work: () => Promise<void>): Promise<void> => {
    const done = record.work.then(() => loading).then(work)
    record.work = done.catch(() => undefined)
    return done
  }
  const quietly = (host: string, work: Promise<void>): void =>
    void work.catch((error: unknown) =>
      log.error('rules of a host did not change hands', { host, error: errorText(error) }),
    )

  const nameOf = ({ file, group, rule }: Pick<Transition, 'file' | 'group' | 'rule'>): string =>
    JSON.stringify([file, group, rule])
  const alertsOf = (host: string): readonly RestoredAlert[] =>
    alerts.restored().filter((alert) => alert.labels[hostLabel] === host && names.has(nameOf(alert)))

  const takeBack = async (host: string, record: HostRecord): Promise<void> => {
    if (record.owner.kind === 'server') return
    await alerts.written()
    record.owner = { kind: 'server' }
    await store.release(host, alertsOf(host))
  }
  /** What the agent is to work out from now on; it answers with a statement. */
  const offer = async (host: string, record: HostRecord): Promise<void> => {
    if (set === null || !record.capable) return takeBack(host, record)
    const term = deps.newTerm()
    if (set.picks.length === 0 || record.refused === set.hash) {
      await takeBack(host, record)
      return deps.send(host, { type: 'rules', term, ...noRules(set), alerts: [] })
    }
    record.owner = { kind: 'moving', term, since: clock.monotonic() }
    await store.hold(host)
    // What was told before this moment is all that anybody tells.
    await alerts.written()
    const made = offerOf(set, term, alertsOf(host))
    if (made === null) {
      log.warn('the alerts of a host are too many for one message: its rules stay with the server', { host })
      record.refused = set.hash
      return takeBack(host, record)
    }
    await store.show(host, made.alerts)
    deps.send(host, made)
  }

  const isOwn = (host: string, one: Life & { readonly labels: Transition['labels'] }): boolean =>
    one.labels[hostLabel] === host && one.fingerprint === fingerprint(one.labels)

  const changes = async (host: string, { transitions, amendments }: Extract<RulesRecord, { kind: 'changes' }>) => {
    const now = clock.now()
    if (!transitions.every((one) => isOwn(host, one))) return reject(host, 'a change of an alert of another host')
    const steps = transitions.flatMap((told) =>
      names.has(nameOf(told)) ? (nextStep(told, alerts.known(told), now) ?? []) : [],
    )
    const texts = amendments.flatMap((told) => amended(told, alerts.known(told), now) ?? [])
    leftOut += transitions.length - steps.length
    alerts.apply(steps, texts)
    await alerts.written()
    await store.show(host, alertsOf(host))
  }
  const statement = async (host: string, record: HostRecord, told: Extract<RulesRecord, { kind: 'statement' }>) => {
    if (record.owner.kind === 'server' || record.owner.term !== told.term) return
    if (!told.alerts.every((one) => isOwn(host, one))) return reject(host, 'a statement about alerts of another host')
    const right = corrections(
      alertsOf(host),
      told.alerts.filter((one) => names.has(nameOf(one))),
      Math.floor(clock.now()),
    )
    corrected += right.length
    alerts.apply(right)
    await alerts.written()
    record.owner = { kind: 'agent', term: told.term }
    await store.show(host, alertsOf(host))
  }
  const reject = (host: string, fault: string): void => {
    malformed++
    log.warn('malformed record about rules from an agent', { host, fault })
  }
  const take = async (host: string, record: HostRecord, payload: Uint8Array): Promise<void> => {
    record.lastHeard = clock.monotonic()
    const parsed = decodeRulesRecord(payload)
    if (!parsed.ok) return reject(host, parsed.fault)
    const told = parsed.record
    // Silent for long, and yet there: nobody else may judge while what it tells comes in.
    if (record.owner.kind === 'server') await offer(host, record)
    await alerts.written()
    if (told.kind === 'changes') return changes(host, told)
    if (told.kind === 'statement') return statement(host, record, told)
    log.warn('an agent does not take the rules: they stay with the server', { host, reason: told.reason })
    record.refused = told.hash
    if (record.owner.kind !== 'server' && record.owner.term === told.term) await takeBack(host, record)
  }

  const overdue = ({ owner, lastHeard }: HostRecord, now: number): 'silent' | 'mute' | null => {
    if (owner.kind === 'server') return null
    if (now - lastHeard > takeOverMs) return 'silent'
    return owner.kind === 'moving' && now - owner.since > answerMs ? 'mute' : null
  }
  const sweep = (): void => {
    timer = clock.timer(sweepMs, sweep)
    const now = clock.monotonic()
    for (const [host, record] of records) {
      if (now - record.lastHeard > forgetMs && record.owner.kind === 'server' && !record.capable) records.delete(host)
      if (overdue(record, now) === null) continue
      const work = serial(record, async () => {
        const why = overdue(record, clock.monotonic())
        if (why === null) return
        if (why === 'mute') record.refused = set?.hash ?? null
        await takeBack(host, record)
        takenOver++
        log.warn(`an agent is ${why}: its rules are worked out by the server`, { host })
      })
      quietly(host, work)
    }
  }

  return {
    async load(files, load) {
      const before = loading
      // What is under way for a host is finished; what comes later waits for the new rules.
      const underWay = [...records.values()].map((record) => record.work)
      let ready = (): void => {}
      loading = before.then(() => new Promise<void>((resolve) => (ready = resolve)))
      await before
      try {
        await Promise.all(underWay)
        for (const [host, record] of records) await takeBack(host, record)
        await load()
        const picks = await store.picks()
        names = new Set(picks.flatMap(({ file, group, names }) => names.map((rule) => nameOf({ file, group, rule }))))
        const { externalLabels, externalUrl, intervalMs } = deps
        const plain = picks.map(({ file, group, rules }) => ({ file, group, rules }))
        set = ruleSet({ files, picks: plain, externalLabels, externalUrl, intervalMs })
        if (tooLarge(set)) {
          log.warn('rule files are too large for agents: all rules stay with the server', { hash: set.hash })
          set = noRules(set)
        }
      } finally {
        ready()
      }
      for (const [host, record] of records)
        if (record.capable)
          quietly(
            host,
            serial(record, () => offer(host, record)),
          )
    },
    connected(host, capable) {
      const record = recordOf(host)
      record.capable = capable
      record.refused = null
      record.lastHeard = clock.monotonic()
      quietly(
        host,
        serial(record, () => offer(host, record)),
      )
    },
    heard(host) {
      const record = records.get(host)
      if (record === undefined) return
      record.lastHeard = clock.monotonic()
      const waits = record.capable && record.owner.kind === 'server' && set !== null && set.picks.length > 0
      if (waits && record.refused !== set?.hash)
        quietly(
          host,
          serial(record, () => offer(host, record)),
        )
    },
    gone(host) {
      const record = records.get(host)
      if (record !== undefined) record.capable = false
    },
    received(host, payload) {
      const record = recordOf(host)
      return serial(record, () => take(host, record, payload))
    },
    start() {
      timer ??= clock.timer(sweepMs, sweep)
    },
    stop() {
      timer?.[Symbol.dispose]()
      timer = null
    },
    stats: () => {
      const hosts = { server: 0, moving: 0, agent: 0 }
      for (const { owner } of records.values()) hosts[owner.kind]++
      return { hosts, takenOver, leftOut, corrected, malformed }
    },
  }
}
