// What the catalogue says of one metric. The catalogue is the only source of metric names: code that emits, rules, dashboards and the
// documentation all read it, and a test holds it against what `/metrics` really shows.

export type MetricType = 'counter' | 'gauge' | 'histogram'

export type MetricUnit =
  | 'seconds'
  | 'bytes'
  | 'ratio'
  | 'tokens'
  | 'requests'
  | 'bytes_per_second'
  | 'celsius'
  | 'watts'
  | 'hertz'
  | 'timestamp'
  | 'none'

export type Metric = {
  readonly name: string
  readonly type: MetricType
  readonly unit: MetricUnit
  readonly help: { readonly en: string; readonly zh: string }
  /** Label names; values come from closed sets. `host` and `engine` are added by the agent to everything it sends. */
  readonly labels: readonly string[]
  /** Upper bounds of a histogram, without +Inf. */
  readonly buckets?: readonly number[]
  /** Which program shows it on its own `/metrics` (`agent` covers what it sends to the server as well). */
  readonly from: 'engine' | 'agent' | 'server' | 'gateway'
  /** When it is there: always, or only with that hardware, test or setting. Absent otherwise, never 0. */
  readonly when: 'always' | 'gpu' | 'active_test' | 'first_use' | 'configured'
}
