// Expressions as people write them in alert rules, drawn by chance: the shapes follow what rule files are made of (thresholds, rates, ratios,
// quantiles, absence, joins, topk, subqueries now and then). The same draws give the same expressions.

export type Vocabulary = {
  readonly gauges: readonly string[]
  readonly counters: readonly string[]
  /** Without the `_bucket` at the end. */
  readonly histograms: readonly string[]
  /** Series whose labels are joined to others: metric, the labels they share and those they bring. */
  readonly infos: readonly { readonly metric: string; readonly on: string; readonly brings: string }[]
  /** Labels to group and match by. */
  readonly labels: readonly string[]
  readonly matchers: readonly string[]
  readonly ranges: readonly string[]
}
export type Random = () => number

export function ruleExpression(random: Random, words: Vocabulary): string {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!
  const chance = (p: number): boolean => random() < p
  const matched = (metric: string): string =>
    chance(0.35) && !metric.includes('{') ? `${metric}{${pick(words.matchers)}}` : metric
  const by = (): string => {
    const labels = words.labels.filter(() => chance(0.5))
    return labels.length === 0 && chance(0.8) ? pick(words.labels) : labels.join(', ')
  }
  const bound = (): string => pick(['0', '0.05', '0.5', '1', '3', '10', '100', '1e6'])
  const compared = (): string => `${pick(['>', '>', '>', '<', '>=', '<=', '==', '!='])} ${bound()}`
  const gauge = (): string => matched(pick(words.gauges))
  const counter = (): string => matched(pick(words.counters))
  const window = (): string => pick(words.ranges)
  const rate = (): string => `${pick(['rate', 'rate', 'increase', 'irate'])}(${counter()}[${window()}])`
  const overTime = (): string =>
    pick([
      () => `${pick(['avg', 'min', 'max', 'sum', 'last', 'count', 'stddev'])}_over_time(${gauge()}[${window()}])`,
      () => `quantile_over_time(${pick(['0.5', '0.9', '0.99'])}, ${gauge()}[${window()}])`,
      () => `${pick(['delta', 'deriv', 'idelta', 'changes'])}(${gauge()}[${window()}])`,
      () => `predict_linear(${gauge()}[${window()}], 3600)`,
      () => `${pick(['changes', 'resets'])}(${counter()}[${window()}])`,
    ])()
  const vector = (): string => pick([gauge, rate, rate, overTime])()
  const fold = (inner: string, labels = by()): string => {
    const op = pick(['sum', 'sum', 'sum', 'avg', 'max', 'min', 'count', 'stddev', 'group'])
    if (chance(0.06)) return `${op}(${inner})`
    return chance(0.9) ? `${op} by (${labels}) (${inner})` : `${op} without (${labels}) (${inner})`
  }
  const quantile = (): string =>
    `histogram_quantile(${pick(['0.5', '0.9', '0.99'])}, sum by (le, ${by() || pick(words.labels)}) (rate(${matched(`${pick(words.histograms)}_bucket`)}[${window()}])))`
  const ratio = (): string => {
    const metric = pick(words.counters)
    const [labels, range] = [by(), window()]
    const one = (text: string): string => `sum by (${labels}) (rate(${text}[${range}]))`
    return `${one(`${metric}{${pick(words.matchers)}}`)} / ${one(metric)}`
  }
  const side = (): string => (chance(0.5) ? vector() : fold(vector()))
  const joined = (): string => {
    const { metric, on, brings } = pick(words.infos)
    const include = chance(0.7) ? brings : ''
    const text = `${vector()} * on (${on}) group_left (${include}) ${metric}`
    return chance(0.4) ? `sum by (${brings}) (${text})` : text
  }
  const rule = (): string =>
    pick([
      () => `${gauge()} ${compared()}`,
      () => `${gauge()} ${compared()}`,
      () => `${rate()} ${compared()}`,
      () => `${rate()} ${compared()}`,
      () => `${overTime()} ${compared()}`,
      () => `${overTime()} ${compared()}`,
      () => `${fold(vector())} ${compared()}`,
      () => `${fold(vector())} ${compared()}`,
      () => `${ratio()} ${compared()}`,
      () => `${ratio()} ${compared()}`,
      () => `${quantile()} ${compared()}`,
      () => `${quantile()} ${compared()}`,
      () => `${gauge()} / ${gauge()} ${compared()}`,
      () => `(${gauge()} - ${gauge()}) / ${gauge()} * 100 ${compared()}`,
      () => `${side()} ${pick(['>', '<', '==', '> bool'])} ${pick(['on', 'ignoring'])} (${by()}) ${side()}`,
      () => `1 - ${fold(rate())} ${compared()}`,
      () => `${joined()} ${compared()}`,
      () =>
        `${side()} ${compared()} ${pick(['and', 'unless', 'or'])} ${chance(0.7) ? `on (${by()}) ` : ''}${side()} ${compared()}`,
      () => `absent(${gauge()})`,
      () => `absent_over_time(${gauge()}[${window()}])`,
      () => `absent(${gauge()}) or ${fold(gauge())} == 0`,
      () => `quantile by (${by()}) (${pick(['0.1', '0.9'])}, ${vector()}) ${compared()}`,
      () => `${pick(['topk', 'bottomk'])} by (${by()}) (${pick(['1', '3'])}, ${vector()}) ${compared()}`,
      () => `time() - ${gauge()} ${compared()}`,
      () => `abs(${vector()} - ${pick(['3', `scalar(max(${gauge()}))`])}) ${compared()}`,
      () => `${gauge()} > on () group_left () quantile(0.9, ${gauge()})`,
      () => `clamp_max(${vector()}, 5) ${compared()}`,
      () => `count by (${by()}) (${vector()} ${compared()}) / count by (${by()}) (${gauge()}) ${compared()}`,
      () => `-${gauge()} ${compared()}`,
      () => `${gauge()} offset ${window()} ${compared()}`,
      // What standing plans leave to the full evaluator.
      () => `max_over_time(${rate()}[${window()}:30s]) ${compared()}`,
      () => `label_replace(${gauge()}, "${pick(words.labels)}", "$1", "${pick(words.labels)}", "(.+)") ${compared()}`,
      () => `count_values by (${by()}) ("value", ${gauge()}) ${compared()}`,
    ])()
  return rule()
}
