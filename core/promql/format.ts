// A query set out for readers, as Prometheus' format_query does: what is longer than a line is parted at its operators and parentheses,
// each level indented by two spaces.

import type { Node } from './ast.ts'
import { type ParseOptions, parseQuery } from './parser.ts'
import { aggregationHead, operatorText, printNode, subquerySuffix } from './print.ts'

const lineLength = 100
const indent = (level: number): string => '  '.repeat(level)

/** Throws `promql.parse` where the text is no query. */
export function formatQuery(text: string, options?: ParseOptions): string {
  return pretty(parseQuery(text, options), 0)
}

function pretty(node: Node, level: number): string {
  const line = printNode(node)
  const start = indent(level)
  if (node.kind === 'unary') return `${start}${node.op}${pretty(node.inner, level).trim()}`
  if (line.length <= lineLength) return node.kind === 'subquery' ? line : `${start}${line}`
  switch (node.kind) {
    case 'aggregation': {
      const parameter = node.parameter === null ? '' : `${pretty(node.parameter, level + 1)},\n`
      return `${start}${aggregationHead(node)}(\n${parameter}${pretty(node.inner, level + 1)}\n${start})`
    }
    case 'binary':
      return `${pretty(node.left, level + 1)}\n${start}${operatorText(node)}\n${pretty(node.right, level + 1)}`
    case 'call': {
      const args = node.args.map((one) => pretty(one, level + 1)).join(',\n')
      return `${start}${node.name}(\n${args}\n${start})`
    }
    case 'paren':
      return `${start}(\n${pretty(node.inner, level + 1)}\n${start})`
    case 'subquery':
      return `${pretty(node.inner, level)}${subquerySuffix(node)}`
    default:
      return `${start}${line}`
  }
}
