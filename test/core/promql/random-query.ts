// Random queries that are valid by grammar and types, from a seed that is printed with a failure.

export type Random = () => number

/** Mulberry32: small, and the same everywhere. */
export function randomFrom(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let value = Math.imul(state ^ (state >>> 15), state | 1)
    value = (value + Math.imul(value ^ (value >>> 7), value | 61)) ^ value
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32
  }
}

/** What the store of such queries holds: counters, gauges with gaps and stale ends, a histogram. One sample in thirty seconds. */
export const series: readonly string[] = [
  'requests_total{job="api", instance="0", code="200"} 0+10x40',
  'requests_total{job="api", instance="0", code="500"} 0+1x20 3+2x20',
  'requests_total{job="api", instance="1", code="200"} 5+7x15 _x5 0+3x20',
  'requests_total{job="web", instance="0", code="200"} 0+20x40',
  'load{job="api", instance="0"} 1 2 3 4 5 NaN 7 8 9 10 11 12 13 _x5 3 2 1 0 -1 -2 -3 stale _x3 4+0x10',
  'load{job="api", instance="1"} 10-1x40',
  'load{job="web", instance="0"} 3 1 4 1 5 9 2 6 5 3 5 8 9 7 9 3 2 3 8 4 6 2 6 4 3 3 8 3 2 7 9 5 0 2 8 8 4 1 9 7',
  'limit{job="api"} 8x40',
  'limit{job="web"} 5x40',
  'wild{job="api", instance="0"} Inf -Inf NaN 0 -0 1e300 1e-300 2x30',
  'latency_bucket{job="api", le="0.1"} 0+1x40',
  'latency_bucket{job="api", le="0.5"} 0+3x40',
  'latency_bucket{job="api", le="1"} 0+4x20 0+2x19',
  'latency_bucket{job="api", le="+Inf"} 0+5x40',
  'latency_bucket{job="api", le="wrong"} 0+5x40',
]
export const stepMs = 30_000

const labels = ['job', 'instance', 'code', 'le', '__name__'] as const
const numbers = ['0', '1', '2', '-1', '0.5', '3.25', '1e3', '0x1F', 'Inf', '-Inf', 'NaN', '90s', '1_000'] as const
const durations = ['30s', '1m', '90s', '2m', '5m', '7m30s'] as const
const rangeCalls =
  'rate increase delta irate idelta deriv changes resets avg_over_time min_over_time max_over_time sum_over_time count_over_time first_over_time last_over_time present_over_time stddev_over_time stdvar_over_time mad_over_time ts_of_min_over_time ts_of_max_over_time ts_of_first_over_time ts_of_last_over_time'.split(
    ' ',
  )
const pointCalls =
  'abs ceil exp floor ln log2 log10 sgn sqrt deg rad sin cos tanh timestamp sort sort_desc hour minute absent'.split(
    ' ',
  )

export function randomQuery(random: Random, size: number): string {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!
  const chance = (p: number): boolean => random() < p
  const some = (list: readonly string[]): string => list.filter(() => chance(0.4)).join(', ')

  const shift = (): string => {
    const at = chance(0.12) ? ` @ ${pick(['300', '600.5', 'start()', 'end()', '-20'])}` : ''
    return at + (chance(0.12) ? ` offset ${pick(['1m', '-90s', '30s', '(1m + 30s)'])}` : '')
  }
  const matcher = (): string =>
    pick([
      'job="api"',
      'job!="api"',
      'job=~"a.*|web"',
      'instance!~"1"',
      'code=""',
      'code!=""',
      'instance=~"0|"',
      '"job"="web"',
    ])
  const bare = (): string => {
    const name = pick(['requests_total', 'load', 'limit', 'wild', 'latency_bucket', 'nothing'])
    if (chance(0.05)) return '{__name__=~"load|limit"}'
    if (chance(0.05)) return `{"${name}", ${matcher()}}`
    return chance(0.4) ? `${name}{${matcher()}${chance(0.3) ? `, ${matcher()}` : ''}}` : name
  }
  const extended = (p: number): string => (chance(p) ? ` ${pick(['anchored', 'smoothed'])}` : '')
  const selector = (): string => bare() + extended(0.03) + shift()
  const matrix = (depth: number): string => {
    if (depth > 1 && chance(0.3)) {
      return `${wrapped(depth - 1)}[${pick(durations)}:${chance(0.5) ? pick(['30s', '1m', '17s']) : ''}]${shift()}`
    }
    const range = chance(0.1)
      ? pick(['step() + 1m', '2m * 2', '-(30s - 5m)', 'max_of(1m, step())', '5m % 2m'])
      : pick(durations)
    return `${bare()}[${range}]${extended(0.1)}${shift()}`
  }
  const wrapped = (depth: number): string => {
    const text = vector(depth)
    return /^[a-z_]+\(/.test(text) && !/ /.test(text) ? text : `(${text})`
  }
  const scalar = (depth: number): string => {
    if (depth <= 1 || chance(0.5)) return pick(numbers)
    return pick([
      () => 'time()',
      () => 'pi()',
      () => `scalar(${vector(depth - 1)})`,
      () =>
        `(${scalar(depth - 1)} ${pick(['+', '-', '*', '/', '%', '^', 'atan2', '> bool', '== bool'])} ${scalar(depth - 1)})`,
      () => `-${scalar(depth - 1)}`,
    ])()
  }
  const matching = (set: boolean): string => {
    const fill =
      set || chance(0.9) ? '' : ` ${pick(['fill(0)', 'fill_left(-1)', 'fill_right(2)', 'fill_left(1) fill_right(3)'])}`
    if (chance(0.4)) return fill
    const on = chance(0.6)
    const list = some(on ? ['job', 'instance', 'code'] : ['code', 'instance', 'le'])
    const clause = `${on ? 'on' : 'ignoring'}(${list})`
    if (set || chance(0.5)) return clause + fill
    const included = chance(0.4) && !(on && list.includes('code')) ? pick(['code', 'le']) : ''
    return `${clause} ${pick(['group_left', 'group_right'])}(${included})${fill}`
  }
  const vector = (depth: number): string => {
    if (depth <= 1) return selector()
    return pick([
      () => selector(),
      () => `${pick(rangeCalls)}(${matrix(depth - 1)})`,
      () => `${pick(rangeCalls)}(${matrix(depth - 1)})`,
      () => `${pick(pointCalls)}(${vector(depth - 1)})`,
      () => `quantile_over_time(${scalar(depth - 1)}, ${matrix(depth - 1)})`,
      () => `predict_linear(${matrix(depth - 1)}, ${scalar(depth - 1)})`,
      () => `double_exponential_smoothing(${matrix(depth - 1)}, 0.3, ${pick(['0.6', '0', '0.1'])})`,
      () =>
        `${pick(['rate', 'increase', 'delta', 'changes', 'resets'])}(${bare()}[${pick(durations)}] ${pick(['anchored', 'smoothed'])}${shift()})`,
      () => `${pick(['sort_by_label', 'sort_by_label_desc'])}(${vector(depth - 1)}, "instance", "job")`,
      () => `histogram_quantiles(${vector(depth - 1)}, "q", 0.5, ${scalar(depth - 1)})`,
      () => `min_of(${scalar(depth - 1)}, ${scalar(depth - 1)}) * ${wrapped(depth - 1)}`,
      () => `absent_over_time(${matrix(depth - 1)})`,
      () => `clamp(${vector(depth - 1)}, ${scalar(depth - 1)}, ${scalar(depth - 1)})`,
      () => `round(${vector(depth - 1)}, ${scalar(depth - 1)})`,
      () => `vector(${scalar(depth - 1)})`,
      () => `histogram_quantile(${scalar(depth - 1)}, ${vector(depth - 1)})`,
      () => `histogram_fraction(${scalar(depth - 1)}, ${scalar(depth - 1)}, ${vector(depth - 1)})`,
      () => `label_replace(${vector(depth - 1)}, "${pick(labels)}", "x$1", "${pick(labels)}", "(.*)")`,
      () => `label_join(${vector(depth - 1)}, "${pick(['job', 'new'])}", "-", "job", "instance")`,
      () =>
        `${pick(['sum', 'avg', 'min', 'max', 'count', 'group', 'stddev', 'stdvar'])} ${pick(['by', 'without'])} (${some(labels)}) (${vector(depth - 1)})`,
      () => `${pick(['sum', 'avg', 'count'])}(${vector(depth - 1)})`,
      () =>
        `${pick(['topk', 'bottomk', 'quantile', 'limitk'])}(${scalar(depth - 1)}, ${vector(depth - 1)})${chance(0.3) ? ` by (${some(labels)})` : ''}`,
      () =>
        `count_values("${pick(['value', 'job'])}", ${vector(depth - 1)})${chance(0.3) ? ` by (${some(labels)})` : ''}`,
      () =>
        `${wrapped(depth - 1)} ${pick(['+', '-', '*', '/', '%', '^', 'atan2'])} ${matching(false)} ${wrapped(depth - 1)}`,
      () =>
        `${wrapped(depth - 1)} ${pick(['==', '!=', '<', '>', '<=', '>='])} ${chance(0.3) ? 'bool' : ''} ${matching(false)} ${wrapped(depth - 1)}`,
      () => `${wrapped(depth - 1)} ${pick(['and', 'or', 'unless'])} ${matching(true)} ${wrapped(depth - 1)}`,
      () => `${wrapped(depth - 1)} ${pick(['+', '-', '*', '/', '%', '^', '>', '< bool', '!='])} ${scalar(depth - 1)}`,
      () => `${scalar(depth - 1)} ${pick(['+', '-', '*', '/', '%', '^', '<=', '== bool'])} ${wrapped(depth - 1)}`,
      () => `-${wrapped(depth - 1)}`,
    ])()
  }
  return chance(0.1) ? scalar(size) : vector(size)
}
