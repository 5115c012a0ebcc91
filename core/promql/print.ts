// A tree back to text, in Prometheus' canonical form: what it prints reads back as the same tree.

import { formatDuration } from '../base/duration.ts'
import type { Matcher } from '../series/seam.ts'
import type { Aggregation, Binary, DurationNode, MatrixSelector, Node, Subquery, VectorSelector } from './ast.ts'
import { goNumber } from './number-text.ts'
import { quote } from './strings.ts'
import { metricName } from './vector.ts'

const legacyLabel = /^[a-zA-Z_][a-zA-Z0-9_]*$/

export function printNode(node: Node): string {
  switch (node.kind) {
    case 'number':
      return node.duration ? signedDuration(node.value * 1000) : goNumber(node.value)
    case 'string':
      return quote(node.value)
    case 'paren':
      return `(${printNode(node.inner)})`
    case 'unary':
      return `${node.op}${printNode(node.inner)}`
    case 'selector':
      return `${printSelector(node)}${at(node)}${extended(node)}${offset(node)}`
    case 'matrix':
      return printMatrix(node)
    case 'subquery':
      return `${printNode(node.inner)}${subquerySuffix(node)}`
    case 'call':
      return `${node.name}(${node.args.map(printNode).join(', ')})`
    case 'aggregation': {
      const parameter = node.parameter === null ? '' : `${printNode(node.parameter)}, `
      return `${aggregationHead(node)}(${parameter}${printNode(node.inner)})`
    }
    case 'binary': {
      // A sign before a power would take the whole power for its own.
      const left = printNode(node.left)
      const base = node.op === '^' && node.left.kind === 'number' ? left.replace(/^\+/, '') : left
      return `${base} ${operatorText(node)} ${printNode(node.right)}`
    }
  }
}

export const labelText = (name: string): string => (legacyLabel.test(name) ? name : quote(name))
const labelList = (names: readonly string[]): string => names.map(labelText).join(', ')

export function aggregationHead({ op, without, grouping }: Aggregation): string {
  if (without) return `${op} without (${labelList(grouping)}) `
  return grouping.length > 0 ? `${op} by (${labelList(grouping)}) ` : op
}

/** Operator, bool and matching: all that stands between the sides. */
export function operatorText({ op, bool, matching }: Binary): string {
  let text = `${op}${bool ? ' bool' : ''}`
  if (matching === null) return text
  const grouped = matching.card === 'many-to-one' || matching.card === 'one-to-many'
  if (matching.on || matching.labels.length > 0 || grouped) {
    text += ` ${matching.on ? 'on' : 'ignoring'} (${labelList(matching.labels)})`
  }
  if (grouped) text += ` group_${matching.card === 'many-to-one' ? 'left' : 'right'} (${labelList(matching.include)})`
  const { fillLeft, fillRight } = matching
  if (fillLeft !== null && fillLeft === fillRight) return `${text} fill (${goNumber(fillLeft)})`
  if (fillLeft !== null) text += ` fill_left (${goNumber(fillLeft)})`
  if (fillRight !== null) text += ` fill_right (${goNumber(fillRight)})`
  return text
}

function printSelector({ name, matchers }: VectorSelector): string {
  const parts = matchers
    .filter((one) => !(name !== null && one.name === metricName && one.op === '=' && one.value === name))
    .map(matcherText)
    .sort()
  return `${name ?? ''}${parts.length > 0 || name === null ? `{${parts.join(',')}}` : ''}`
}

function matcherText({ name, op, value }: Matcher): string {
  return `${labelText(name)}${op}${quote(value)}`
}

function signedDuration(ms: number): string {
  return ms < 0 ? `-${formatDuration(-ms)}` : formatDuration(ms)
}

function at({ at: time }: Pick<VectorSelector, 'at'>): string {
  if (time === null) return ''
  return typeof time === 'string' ? ` @ ${time}()` : ` @ ${(time / 1000).toFixed(3)}`
}

function offset({ offsetMs, offsetExpr }: Pick<VectorSelector, 'offsetMs' | 'offsetExpr'>): string {
  if (offsetExpr !== null) return ` offset ${durationText(offsetExpr)}`
  return offsetMs === 0 ? '' : ` offset ${signedDuration(offsetMs)}`
}

const extended = ({ extended: word }: VectorSelector): string => (word === null ? '' : ` ${word}`)

function printMatrix({ selector, rangeMs, rangeExpr }: MatrixSelector): string {
  const range = rangeExpr === null ? formatDuration(rangeMs) : durationText(rangeExpr)
  return `${printSelector(selector)}[${range}]${extended(selector)}${at(selector)}${offset(selector)}`
}

export function subquerySuffix(node: Subquery): string {
  const range = node.rangeExpr === null ? formatDuration(node.rangeMs) : durationText(node.rangeExpr)
  const step =
    node.stepExpr !== null ? durationText(node.stepExpr) : node.stepMs === 0 ? '' : formatDuration(node.stepMs)
  return `[${range}:${step}]${at(node)}${offset(node)}`
}

function durationText(node: DurationNode): string {
  if (node.kind === 'literal') return node.duration ? signedDuration(node.seconds * 1000) : goNumber(node.seconds)
  if (node.kind === 'context') return `${node.name}()`
  const right = durationText(node.right)
  let text: string
  if (node.op === 'min_of' || node.op === 'max_of') text = `${node.op}(${durationText(node.left!)}, ${right})`
  else if (node.left === null) text = node.op === '-' ? `-${right}` : right
  else text = `${durationText(node.left)} ${node.op} ${right}`
  return node.wrapped ? `(${text})` : text
}
