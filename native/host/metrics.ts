// The engine's `/metrics`: names, types and help from the catalogue. All outcomes exist at zero from the start, so that a rate of the first
// failure is not lost; ratios without a denominator are absent, not zero.

import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import { metric } from '../../core/sample/metric-catalogue.ts'
import type { EngineStats } from './addon.ts'

export const outcomes = ['ok', 'error', 'timeout', 'cancelled', 'rejected', 'invalid'] as const
export type Outcome = (typeof outcomes)[number]

/** Why the listener turned away a connection or a request that never became one of the model's. */
export const refusals = ['no_room', 'other_name', 'other_origin', 'body_bytes'] as const
export type HostRefusal = (typeof refusals)[number]

export type HostMetrics = {
  refused(reason: HostRefusal): void
  outcome(outcome: Outcome): void
  observe(
    name:
      | 'inference_request_duration_seconds'
      | 'inference_time_to_first_token_seconds'
      | 'inference_time_per_output_token_seconds'
      | 'inference_queue_time_seconds'
      | 'inference_batch_size'
      | 'inference_output_confidence_ratio',
    value: number,
  ): void
  text(stats: EngineStats | null, queueCapacity: number, ready: boolean): Promise<string>
  readonly contentType: string
}

export function openHostMetrics(model: string): HostMetrics {
  const registry = new Registry()
  const histogram = (name: string) =>
    new Histogram({
      name,
      help: metric(name).help.en,
      labelNames: ['model'],
      buckets: [...metric(name).buckets!],
      registers: [registry],
    })
  const requests = new Counter({
    name: 'inference_requests_total',
    help: metric('inference_requests_total').help.en,
    labelNames: ['model', 'outcome'],
    registers: [registry],
  })
  const refused = new Counter({
    name: 'inference_refused_connections_total',
    help: metric('inference_refused_connections_total').help.en,
    labelNames: ['model', 'reason'],
    registers: [registry],
  })
  for (const reason of refusals) refused.inc({ model, reason }, 0)
  for (const outcome of outcomes) requests.inc({ model, outcome }, 0)
  const histograms = Object.fromEntries(
    [
      'inference_request_duration_seconds',
      'inference_time_to_first_token_seconds',
      'inference_time_per_output_token_seconds',
      'inference_queue_time_seconds',
      'inference_batch_size',
      'inference_output_confidence_ratio',
    ].map((name) => {
      const made = histogram(name)
      made.zero({ model })
      return [name, made]
    }),
  )
  const gauges = new Map<string, Gauge>()
  const counters = new Map<string, { counter: Counter; value: number }>()
  const set = (name: string, value: number): void => {
    let gauge = gauges.get(name)
    if (gauge === undefined) {
      gauge = new Gauge({ name, help: metric(name).help.en, labelNames: ['model'], registers: [registry] })
      gauges.set(name, gauge)
    }
    if (Number.isNaN(value)) gauge.remove({ model })
    else gauge.set({ model }, value)
  }
  /** Raises a counter to what the engine itself counted. */
  const raise = (name: string, value: number): void => {
    let entry = counters.get(name)
    if (entry === undefined) {
      const counter = new Counter({ name, help: metric(name).help.en, labelNames: ['model'], registers: [registry] })
      entry = { counter, value: 0 }
      counters.set(name, entry)
    }
    entry.counter.inc({ model }, Math.max(0, value - entry.value))
    entry.value = Math.max(entry.value, value)
  }

  return {
    refused: (reason) => refused.inc({ model, reason }),
    outcome: (outcome) => requests.inc({ model, outcome }),
    observe: (name, value) => histograms[name]!.observe({ model }, value),
    contentType: registry.contentType,
    async text(stats, queueCapacity, ready) {
      set('inference_ready', ready ? 1 : 0)
      set('inference_queue_capacity_requests', queueCapacity)
      if (stats !== null) {
        set('inference_running_requests', stats.running)
        set('inference_waiting_requests', stats.waiting)
        raise('inference_prompt_tokens_total', stats.promptTokens)
        raise('inference_generated_tokens_total', stats.generatedTokens)
        raise('inference_steps_total', stats.steps)
        raise('inference_preemptions_total', stats.preemptions)
        set('inference_kv_used_ratio', stats.kvTokensActive / stats.kvTokensTotal)
        set('inference_kv_active_bytes', stats.kvBytesActive)
        set('inference_kv_reserved_bytes', stats.kvBytesReserved)
        // Nothing active: the ratio has no meaning, and an idle engine must not look fragmented.
        const idle = stats.kvBytesActive === 0
        set('inference_memory_fragmentation_ratio', idle ? Number.NaN : 1 - stats.kvBytesActive / stats.kvBytesReserved)
        set('inference_memory_reserved_active_ratio', idle ? Number.NaN : stats.kvBytesReserved / stats.kvBytesActive)
        set('inference_weight_bytes', stats.weightBytes)
      }
      return registry.metrics()
    },
  }
}
