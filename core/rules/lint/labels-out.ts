// Which labels an expression can still have when it is worked out: a set of names, or all but a set. Where nothing certain can be said it is "all", so
// that nobody is told of a label missing that may be there.

import { type Node, setOperators } from '../../promql/ast.ts'

export type LabelsOut =
  | { readonly kind: 'only'; readonly names: ReadonlySet<string> }
  | { readonly kind: 'except'; readonly names: ReadonlySet<string> }

const only = (names: Iterable<string>): LabelsOut => ({ kind: 'only', names: new Set(names) })
const everything: LabelsOut = { kind: 'except', names: new Set() }

export const mayHave = ({ kind, names }: LabelsOut, name: string): boolean => names.has(name) === (kind === 'only')

export function labelsOut(node: Node): LabelsOut {
  switch (node.kind) {
    case 'number':
    case 'string':
      return only([])
    case 'selector':
      return everything
    case 'matrix':
      return labelsOut(node.selector)
    case 'paren':
    case 'unary':
    case 'subquery':
      return labelsOut(node.inner)
    case 'call':
      return ofCall(node)
    case 'aggregation': {
      const inner = labelsOut(node.inner)
      if (/^(?:topk|bottomk|limitk|limit_ratio)$/.test(node.op)) return inner
      const kept = node.without ? minus(inner, node.grouping) : keep(inner, node.grouping)
      const { parameter } = node
      return node.op === 'count_values' && parameter?.kind === 'string' ? plus(kept, [parameter.value]) : kept
    }
    case 'binary':
      return ofBinary(node)
  }
}

function ofCall({ name, args }: Extract<Node, { kind: 'call' }>): LabelsOut {
  const [first] = args
  switch (name) {
    case 'scalar':
    case 'vector':
    case 'time':
    case 'pi':
      return only([])
    case 'absent':
    case 'absent_over_time':
      return ofAbsent(first)
    case 'histogram_quantile':
      return args[1] === undefined ? everything : minus(labelsOut(args[1]), ['le'])
    case 'label_replace':
    case 'label_join': {
      const target = args[1]
      if (first === undefined || target?.kind !== 'string') return everything
      return plus(labelsOut(first), [target.value])
    }
    case 'info':
    case 'histogram_quantiles':
      return everything
    default: {
      const vector = args.find((one) => one.kind !== 'number' && one.kind !== 'string')
      // Without an argument, as hour(): the time alone.
      return vector === undefined ? only([]) : labelsOut(vector)
    }
  }
}

/** Labels that the selector asks for by equality. */
function ofAbsent(node: Node | undefined): LabelsOut {
  let inner = node
  while (inner?.kind === 'paren') inner = inner.inner
  const selector = inner?.kind === 'matrix' ? inner.selector : inner
  if (selector?.kind !== 'selector') return only([])
  return only(selector.matchers.flatMap(({ name, op }) => (op === '=' ? [name] : [])))
}

function ofBinary(node: Extract<Node, { kind: 'binary' }>): LabelsOut {
  const { op, matching } = node
  const [left, right] = [labelsOut(node.left), labelsOut(node.right)]
  if (op === 'or') return union(left, right)
  if (setOperators.has(op)) return left
  if (matching === null) return left.kind === 'only' && left.names.size === 0 ? right : left
  if (matching.card === 'many-to-one') return plus(left, matching.include)
  if (matching.card === 'one-to-many') return plus(right, matching.include)
  return matching.on ? keep(left, matching.labels) : minus(left, matching.labels)
}

function keep(from: LabelsOut, names: readonly string[]): LabelsOut {
  return only(names.filter((name) => mayHave(from, name)))
}

function minus(from: LabelsOut, names: readonly string[]): LabelsOut {
  if (from.kind === 'only') return only([...from.names].filter((name) => !names.includes(name)))
  return { kind: 'except', names: new Set([...from.names, ...names]) }
}

function plus(from: LabelsOut, names: readonly string[]): LabelsOut {
  if (from.kind === 'only') return only([...from.names, ...names])
  return { kind: 'except', names: new Set([...from.names].filter((name) => !names.includes(name))) }
}

function union(a: LabelsOut, b: LabelsOut): LabelsOut {
  if (a.kind === 'only') return plus(b, [...a.names])
  if (b.kind === 'only') return plus(a, [...b.names])
  return { kind: 'except', names: new Set([...a.names].filter((name) => b.names.has(name))) }
}
