// What the agent says of its engines and of its own loops, once a round. Names come from the catalogue.

import { faultCauses } from '../core/event/event.ts'
import { type SeriesSamples, sample } from '../core/sample/sample.ts'
import { streams } from '../core/wire/message.ts'
import type { RoundStats } from './collect/round.ts'
import type { Control } from './control/control.ts'
import type { Engine } from './engine/engine.ts'
import { type AgentHttpStats, agentHttpRefusals } from './http.ts'
import type { RulesStats } from './rules/rules.ts'
import type { UplinkStats } from './uplink/uplink.ts'

export function ownSamples(from: {
  readonly host: string
  readonly now: number
  readonly engines: readonly Engine[]
  readonly control: Control
  readonly uplink: UplinkStats
  readonly rules: RulesStats
  readonly round: RoundStats
  readonly http: AgentHttpStats
}): readonly SeriesSamples[] {
  const { host, now, engines, control, uplink, rules, round, http } = from
  const of = (name: string, value: number, labels: Readonly<Record<string, string>> = {}): SeriesSamples =>
    sample(name, { host, ...labels }, now, value)
  return [
    ...engines.flatMap((engine) => engineSamples(engine, control, of)),
    ...control
      .counts()
      .map(({ engine, action, result, count }) =>
        of('inferward_engine_actions_total', count, { engine, action, result }),
      ),
    of('inferward_collect_rounds_total', round.runs),
    of('inferward_collect_failures_total', round.failures),
    of('inferward_collect_missed_total', round.missed),
    of('inferward_collect_round_seconds', round.seconds),
    of('inferward_uplink_connected', uplink.connected ? 1 : 0),
    of('inferward_uplink_connects_total', uplink.connects),
    of('inferward_uplink_failures_total', uplink.failures),
    of('inferward_uplink_spool_bytes', uplink.spoolBytes),
    of('inferward_agent_listen_failures_total', http.listenFailures),
    ...agentHttpRefusals.map((reason) => of('inferward_agent_refused_total', http.refused[reason], { reason })),
    of('inferward_agent_rules', rules.rules),
    of('inferward_agent_rules_evaluations_total', rules.runs),
    of('inferward_agent_rules_failures_total', rules.failures),
    of('inferward_agent_rules_evaluation_seconds_total', rules.seconds),
    of('inferward_agent_rules_series', rules.series),
    of('inferward_agent_rules_refused_total', rules.refused),
    ...streams.map((stream) => of('inferward_uplink_pending', uplink.pending[stream], { stream })),
    ...(['samples', 'events'] as const).map((stream) =>
      of('inferward_uplink_refused_total', uplink.refused[stream], { stream }),
    ),
  ]
}

type Of = (name: string, value: number, labels: Readonly<Record<string, string>>) => SeriesSamples

function engineSamples(engine: Engine, control: Control, of: Of): readonly SeriesSamples[] {
  const readings = engine.readings()
  const labels = { engine: engine.name }
  const row = (name: string, value: number | null): readonly SeriesSamples[] =>
    value === null ? [] : [of(name, value, labels)]
  return [
    ...row('inferward_engine_up', readings.up ? 1 : 0),
    ...row('inferward_engine_wanted', control.stopped(engine.name) ? 0 : 1),
    ...row('inferward_engine_stalled_seconds', readings.stalledSeconds),
    ...row('inferward_engine_probe_failures', readings.probeFailures),
    ...row('inferward_engine_probe_duration_seconds', readings.probeSeconds),
    ...row('inferward_engine_start_timestamp_seconds', readings.startSeconds),
    ...row('inferward_engine_resident_bytes', readings.residentBytes),
    ...row('inferward_engine_restart_budget_left', control.budgetLeft(engine.name)),
    ...faultCauses.flatMap((cause) => [
      of('inferward_engine_exits_total', readings.exits.counts[cause], { ...labels, cause }),
      // Nought as well: what is only left out would look like one until it is stale.
      of('inferward_engine_down_cause', readings.exits.outage.has(cause) ? 1 : 0, { ...labels, cause }),
    ]),
  ]
}
