// Does a query ever look across hosts? One that does not gives, over a fleet, what it gives over the data of each host alone, put together;
// so each host may answer it for itself. The proof is by structure: every part is one number for all, or rows that each come from one host
// and still carry its label. What is not known to be so is refused with its place; nothing is guessed.
// Series without the label count as those of one more host. Sums may differ in their last bits: the order of addition is not promised.

import type { Aggregation, Binary, Call, Node, Span } from './ast.ts'
import { resolve } from './durations.ts'
import { parseQuery } from './parser.ts'
import { defaultLimits, type SelectorUse, selectorsOf } from './query.ts'

export type Locality =
  | {
      readonly local: true
      readonly selectors: readonly SelectorUse[]
      /** How far back its samples lie at most, milliseconds. */
      readonly reachMs: number
    }
  | { readonly local: false; readonly reason: string; readonly span: Span }

type Fault = { readonly reason: string; readonly span: Span }
type Part = 'constant' | 'rows' | Fault

const words = (text: string): ReadonlySet<string> => new Set(text.split(' '))

/** What becomes of one series depends on that series alone. A test holds this against the table of all functions. */
export const functionsOfOneSeries = words(
  'abs ceil exp floor ln log10 log2 sgn sqrt deg rad acos acosh asin asinh atan atanh cos cosh sin sinh tan tanh sort sort_desc timestamp ' +
    'sort_by_label sort_by_label_desc histogram_avg histogram_count histogram_sum histogram_stddev histogram_stdvar histogram_fraction ' +
    'day_of_month day_of_week day_of_year days_in_month hour minute month year clamp clamp_max clamp_min round ' +
    'rate increase delta irate idelta deriv changes resets avg_over_time min_over_time max_over_time sum_over_time count_over_time ' +
    'first_over_time last_over_time present_over_time stddev_over_time stdvar_over_time quantile_over_time predict_linear mad_over_time ' +
    'ts_of_min_over_time ts_of_max_over_time ts_of_first_over_time ts_of_last_over_time double_exponential_smoothing ' +
    // Groups by every label but `le`.
    'histogram_quantile',
)
/** The label that these write is their second argument. */
export const functionsThatLabel = words('label_replace label_join')
export const constantFunctions = words('time pi start end step range min_of max_of')
/** Each of them looks at all series, or answers with rows of no host. */
export const functionsOfAll: ReadonlyMap<string, string> = new Map([
  ['absent', 'absent() asks the whole fleet'],
  ['absent_over_time', 'absent_over_time() asks the whole fleet'],
  ['scalar', 'scalar() asks whether there is one series in the whole fleet'],
  ['vector', 'vector() gives a row that is of no host'],
  ['info', 'info() joins series by labels that need not name the host'],
  ['histogram_quantiles', 'histogram_quantiles() writes a label of its own choice'],
])
/** Which of equals they take depends on an order that is not promised. */
const choosers = words('topk bottomk limitk limit_ratio')

/** `text` or its tree; `label` names the host. Throws `promql.parse`. */
export function localityOf(query: string | Node, label: string, lookbackMs = defaultLimits.lookbackMs): Locality {
  const parsed = typeof query === 'string' ? parseQuery(query) : query
  const node = resolve(parsed, { start: 0, end: 0, stepMs: 0 })
  const part = fold(node, label)
  if (part === 'constant') return { local: false, reason: 'it reads no series', span: node.span }
  if (part !== 'rows') return { local: false, ...part }
  const selectors = selectorsOf(node, lookbackMs)
  return { local: true, selectors, reachMs: Math.max(...selectors.map((one) => one.fromMs)) }
}

function fold(node: Node, label: string): Part {
  switch (node.kind) {
    case 'number':
    case 'string':
      return 'constant'
    case 'paren':
    case 'unary':
      return fold(node.inner, label)
    case 'matrix':
      return fold(node.selector, label)
    case 'selector':
    case 'subquery':
      if (typeof node.at === 'number') return { reason: 'it reads a fixed moment of the past', span: node.span }
      if (node.offsetMs < 0) return { reason: 'it reads ahead of its time', span: node.span }
      if (node.kind === 'selector') return 'rows'
      return fold(node.inner, label)
    case 'call':
      return call(node, label)
    case 'aggregation':
      return aggregation(node, label)
    case 'binary':
      return binary(node, label)
  }
}

/** The worst of the parts: a fault before rows, rows before a constant. */
function join(nodes: readonly Node[], label: string): Part {
  const parts = nodes.map((node) => fold(node, label))
  return parts.find((part) => typeof part !== 'string') ?? (parts.includes('rows') ? 'rows' : 'constant')
}

function call(node: Call, label: string): Part {
  const { name, args, span } = node
  const whole = functionsOfAll.get(name)
  if (whole !== undefined) return { reason: whole, span }
  const part = join(args, label)
  if (typeof part !== 'string' || constantFunctions.has(name)) return part
  if (functionsThatLabel.has(name))
    return names(args[1], label) ? { reason: `${name}() writes "${label}"`, span } : part
  if (!functionsOfOneSeries.has(name)) return { reason: `${name}() is not known to look at one series alone`, span }
  // `hour()` without an argument: a row that is of no host.
  return part === 'rows' ? part : { reason: `${name}() reads no series here`, span }
}

function aggregation({ op, inner, parameter, grouping, without, span }: Aggregation, label: string): Part {
  if (choosers.has(op)) return { reason: `${op} may choose among equals`, span }
  if (grouping.includes(label) === without) {
    return { reason: `${op} ${without ? `drops "${label}"` : `is not by "${label}"`}`, span }
  }
  if (parameter !== null) {
    if (fold(parameter, label) !== 'constant')
      return { reason: `the parameter of ${op} reads series`, span: parameter.span }
    if (op === 'count_values' && names(parameter, label)) return { reason: `${op} writes "${label}"`, span }
  }
  return fold(inner, label)
}

function binary({ op, left, right, matching, span }: Binary, label: string): Part {
  const part = join([left, right], label)
  if (matching === null || typeof part !== 'string') return part
  const { on, labels, include } = matching
  if (labels.includes(label) !== on)
    return { reason: `"${op}" matches series of different hosts: ${on ? 'add' : 'do not ignore'} "${label}"`, span }
  if (include.includes(label)) return { reason: `"${op}" copies "${label}"`, span }
  return part
}

/** Is this the string `label`, or not known to be another? */
function names(node: Node | undefined, label: string): boolean {
  let inner = node
  while (inner?.kind === 'paren') inner = inner.inner
  return inner?.kind !== 'string' || inner.value === label
}
