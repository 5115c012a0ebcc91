// A template as a tree, and how a part of it reads in an error: not as it was written but in one normal form, as Go shows it.

import type { NumberLiteral } from './literal.ts'
import { goQuote } from './quote.ts'

type At = { readonly at: number }

export type Operand =
  | (At & { readonly kind: 'bool'; readonly value: boolean })
  | (At & { readonly kind: 'dot' })
  | (At & { readonly kind: 'nil' })
  | (At & { readonly kind: 'number'; readonly number: NumberLiteral })
  | (At & { readonly kind: 'string'; readonly text: string; readonly quoted: string })
  | (At & { readonly kind: 'identifier'; readonly name: string })
  | (At & { readonly kind: 'field'; readonly names: readonly string[] })
  /** The variable's name first, with its `$`. */
  | (At & { readonly kind: 'variable'; readonly names: readonly string[] })
  | (At & { readonly kind: 'chain'; readonly of: Operand; readonly names: readonly string[] })
  | Pipeline
export type Command = At & { readonly kind: 'command'; readonly words: readonly Operand[] }
export type Pipeline = At & {
  readonly kind: 'pipeline'
  readonly variables: readonly string[]
  /** `=` in place of `:=`. */
  readonly assigns: boolean
  readonly commands: readonly Command[]
}
export type Branch = At & {
  readonly kind: 'if' | 'with' | 'range'
  readonly pipeline: Pipeline
  readonly body: Block
  readonly otherwise: Block | null
}
export type TemplateCall = At & {
  readonly kind: 'template'
  readonly name: string
  readonly pipeline: Pipeline | null
}
export type Statement =
  | (At & { readonly kind: 'text'; readonly text: string })
  | (At & { readonly kind: 'action'; readonly pipeline: Pipeline })
  | (At & { readonly kind: 'break' })
  | (At & { readonly kind: 'continue' })
  | Branch
  | TemplateCall
export type Block = readonly Statement[]
export type Node = Operand | Command | Branch | TemplateCall | Statement

/** Longer ones are cut in an error. */
const longest = 400

export function show(node: Node): string {
  const text = spell(node, 0)
  return text.length > longest ? `${text.slice(0, longest)}…` : text
}

function spell(node: Node, depth: number): string {
  if (depth > 20) return '…'
  switch (node.kind) {
    case 'bool':
      return String(node.value)
    case 'dot':
      return '.'
    case 'nil':
      return 'nil'
    case 'number':
      return node.number.text
    case 'string':
      return node.quoted
    case 'identifier':
      return node.name
    case 'field':
      return node.names.map((name) => `.${name}`).join('')
    case 'variable':
      return node.names.join('.')
    case 'chain':
      return `${operand(node.of, depth)}.${node.names.join('.')}`
    case 'command':
      return node.words.map((word) => operand(word, depth)).join(' ')
    case 'pipeline': {
      const declared = node.variables.length === 0 ? '' : `${node.variables.join(', ')} ${node.assigns ? '=' : ':='} `
      return declared + node.commands.map((command) => spell(command, depth + 1)).join(' | ')
    }
    case 'action':
      return `{{${spell(node.pipeline, depth)}}}`
    case 'text':
      return goQuote(node.text)
    case 'break':
    case 'continue':
      return `{{${node.kind}}}`
    case 'template':
      return `{{template ${goQuote(node.name)}${node.pipeline === null ? '' : ` ${spell(node.pipeline, depth)}`}}}`
    default:
      return `{{${node.kind} ${spell(node.pipeline, depth)}}}`
  }
}

const operand = (node: Operand, depth: number): string =>
  node.kind === 'pipeline' ? `(${spell(node, depth + 1)})` : spell(node, depth + 1)

/** Nothing but spaces and comments: such a definition gives way to another of the same name. */
export const isBlank = (block: Block): boolean =>
  block.every((statement) => statement.kind === 'text' && statement.text.trim() === '')
