// Counts what a backtest sees: every alert's life from its transitions, and for each rule how often it was evaluated, failed, saw nothing.

import type { GroupEvaluator } from '../group.ts'
import type { Transition } from '../transition.ts'
import type { BacktestResult, Episode, RuleResult } from './source.ts'

export type Tally = {
  evaluated(group: GroupEvaluator, intervalMs: number, transitions: readonly Transition[]): void
  result(from: number, to: number): BacktestResult
}

type Open = { -readonly [Key in keyof Episode]: Episode[Key] }
type Row = { -readonly [Key in keyof RuleResult]: RuleResult[Key] }

export function openTally(maxEpisodes: number): Tally {
  const rows = new Map<GroupEvaluator['states'][number]['rule'], Row>()
  const byAlert = new Map<string, { readonly pendingAt: number; episode: Open | null }>()
  const episodes: Open[] = []
  let unlisted = 0

  const rowOf = (group: GroupEvaluator, index: number, intervalMs: number): Row => {
    const { rule } = group.states[index]!
    const known = rows.get(rule)
    if (known !== undefined) return known
    const { file, name } = group.group
    const counts = {
      evaluations: 0,
      failures: 0,
      lastError: '',
      blind: 0,
      fired: 0,
      pendingOnly: 0,
      firingMs: 0,
      series: 0,
    }
    const row: Row = { file, group: name, rule: rule.name, kind: rule.kind, intervalMs, ...counts }
    rows.set(rule, row)
    return row
  }
  const follow = (row: Row, one: Transition): void => {
    const key = `${one.file}\u0000${one.group}\u0000${one.rule}\u0000${one.fingerprint}`
    switch (one.state) {
      case 'pending':
        byAlert.set(key, { pendingAt: one.at, episode: null })
        return
      case 'inactive':
        row.pendingOnly++
        byAlert.delete(key)
        return
      case 'firing': {
        row.fired++
        const { group, rule, labels, annotations, activeAt: pendingAt, at: firedAt } = one
        const episode: Open = { group, rule, labels, annotations, pendingAt, firedAt, endedAt: null }
        if (episodes.length < maxEpisodes) episodes.push(episode)
        else unlisted++
        byAlert.set(key, { pendingAt, episode })
        return
      }
      case 'resolved': {
        const { episode = null } = byAlert.get(key) ?? {}
        byAlert.delete(key)
        if (episode === null) return
        episode.endedAt = one.at
        row.firingMs += one.at - episode.firedAt
      }
    }
  }

  return {
    evaluated(group, intervalMs, transitions) {
      group.states.forEach((state, index) => {
        const row = rowOf(group, index, intervalMs)
        row.evaluations++
        if (state.health === 'err') {
          row.failures++
          row.lastError = state.lastError
        }
        if (state.blind) row.blind++
        if (row.kind === 'recording') row.series = Math.max(row.series, state.written.size)
      })
      for (const one of transitions) {
        const index = group.states.findIndex(({ rule }) => rule.kind === 'alerting' && owns(rule.name, one))
        if (index >= 0) follow(rowOf(group, index, intervalMs), one)
      }
    },
    result(from, to) {
      for (const { episode } of byAlert.values()) {
        if (episode === null) continue
        const row = [...rows.values()].find(({ group, rule }) => group === episode.group && rule === episode.rule)
        if (row !== undefined) row.firingMs += to - episode.firedAt
      }
      return { from, to, rules: [...rows.values()], episodes, unlisted }
    },
  }
}

/** Rules of one name in a group are told together, with the first of them. */
const owns = (name: string, transition: Transition): boolean => name === transition.rule
