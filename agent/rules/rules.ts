// Rules that the server handed over, worked out here for this host within the round of collection, whether the server is there or not. What they
// say goes into a log of their own. A fault of them never reaches the round.

import type { Clock } from '../../core/base/clock.ts'
import { errorText } from '../../core/base/errors.ts'
import type { FileLayer } from '../../core/base/file-layer.ts'
import type { Log } from '../../core/base/log.ts'
import type { SeriesSamples } from '../../core/sample/sample.ts'
import { type RulesOffer, rulesOffer } from '../../core/wire/host-rules.ts'
import { type Evaluator, openEvaluator } from './evaluator.ts'
import { openRulesLog, type RulesLog } from './log.ts'
import { groupsOf } from './rule-set.ts'

const logBytes = 16 << 20
/** What a record may hold of alerts. */
const maxStated = 10_000

export type RulesStats = {
  /** Rules worked out here; 0: the server does. */
  readonly rules: number
  readonly runs: number
  readonly failures: number
  readonly seconds: number
  readonly series: number
  /** Records and samples that found no room. */
  readonly refused: number
}
export type Rules = {
  readonly stream: RulesLog['stream']
  /** Takes up what an earlier life left. Before the first samples, once. */
  start(): void
  stop(): Promise<void>
  onOffer(offer: RulesOffer): void
  /** One round of samples; answers the series that the rules wrote. Never throws. */
  arrived(series: readonly SeriesSamples[]): readonly SeriesSamples[]
  stats(): RulesStats
}

export function openRules(deps: {
  readonly clock: Clock
  readonly log: Log
  readonly files: FileLayer
  readonly directory: string
  readonly newEpoch: () => bigint
  /** Rounds of before, oldest first: remote-write bodies. */
  readonly recentSamples: () => Iterable<Uint8Array>
  /** There is more to send. */
  readonly wake: () => void
}): Rules {
  const { clock, log, files, directory } = deps
  const offerFile = `${directory}/offer.json`
  const kept = openRulesLog({
    files,
    directory: `${directory}/log`,
    log,
    capBytes: logBytes,
    newEpoch: deps.newEpoch,
    onDurable: deps.wake,
  })
  let evaluator: Evaluator | null = null
  let term = 'none'
  let [runs, failures, milliseconds] = [0, 0, 0]

  const open = (offer: RulesOffer): Evaluator => {
    const { hash, intervalMs, externalLabels, externalUrl } = offer
    return openEvaluator({ clock, hash, groups: groupsOf(offer), intervalMs, externalLabels, externalUrl })
  }
  const state = (): void => {
    if (evaluator !== null)
      kept.append({
        kind: 'statement',
        term,
        hash: evaluator.hash,
        alerts: [...evaluator.alerts()].slice(0, maxStated),
      })
  }
  const rest = (): void => {
    evaluator = null
    if (files.exists(offerFile)) files.remove(offerFile)
  }

  return {
    stream: kept.stream,
    start() {
      if (kept.left === null || !files.exists(offerFile)) return
      try {
        const offer = rulesOffer.parse(JSON.parse(new TextDecoder().decode(files.readFile(offerFile))))
        // Rules that said nothing yet: the server knows better.
        if (offer.hash !== kept.left.hash) return
        const found = open(offer)
        found.follow(null, [...kept.left.alerts.values()])
        found.fill(deps.recentSamples())
        evaluator = found
        term = offer.term
      } catch (error) {
        // The server offers them again.
        log.warn('the rules of before could not be taken up', { error: errorText(error) })
      }
    },
    async stop() {
      await kept.close()
    },
    onOffer(offer) {
      term = offer.term
      if (offer.picks.length === 0) return rest()
      if (evaluator?.hash === offer.hash) return state()
      try {
        const found = open(offer)
        found.follow(evaluator, offer.alerts)
        found.fill(deps.recentSamples())
        files.writeAtomic(offerFile, new TextEncoder().encode(JSON.stringify({ ...offer, alerts: [] })))
        evaluator = found
        log.info('rules taken over', { rules: ruleCount(found) })
        state()
      } catch (error) {
        rest()
        log.warn('rules not taken over', { error: errorText(error) })
        kept.append({ kind: 'refused', term, hash: offer.hash, reason: errorText(error).slice(0, 2000) })
      }
    },
    arrived(series) {
      if (evaluator === null) return []
      const begun = clock.monotonic()
      try {
        const at = Math.floor(series.reduce((newest, one) => Math.max(newest, one.times.at(-1) ?? 0), 0))
        const found = evaluator.evaluate(series, at)
        const { transitions, amendments, written } = found
        if (transitions.length > 0 || amendments.length > 0) {
          const { hash } = evaluator
          kept.append({
            kind: 'changes',
            term,
            hash,
            transitions: [...transitions],
            amendments: [...amendments],
          })
        }
        if (kept.due) state()
        failures += found.failures
        return written
      } catch (error) {
        failures++
        log.error('rules could not be worked out', { error: errorText(error) })
        return []
      } finally {
        runs++
        milliseconds += clock.monotonic() - begun
      }
    },
    stats: () => ({
      rules: evaluator === null ? 0 : ruleCount(evaluator),
      runs,
      failures,
      seconds: milliseconds / 1000,
      series: evaluator?.series ?? 0,
      refused: kept.refused + (evaluator?.refused ?? 0),
    }),
  }
}

const ruleCount = ({ groups }: Evaluator): number => groups.reduce((sum, { states }) => sum + states.length, 0)
