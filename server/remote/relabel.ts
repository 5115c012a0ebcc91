// Labels of a target or of a series rewritten, kept or dropped by rules in their order, as Prometheus does it: expressions match the whole value, and
// a label without a value is none.

import { createHash } from 'node:crypto'
import type { RE2JS } from 're2js'
import { compilePattern } from '../../core/promql/pattern.ts'
import type { RelabelConfig } from './relabel-config.ts'

/** Rewrites the labels in place; false: the rules drop what they belong to. */
export type Relabel = (labels: Map<string, string>) => boolean

/** Null: there are no rules. */
export function openRelabel(configs: readonly RelabelConfig[]): Relabel | null {
  if (configs.length === 0) return null
  const steps = configs.map(stepOf)
  return (labels) => steps.every((step) => step(labels))
}

/** False drops. */
function stepOf(config: RelabelConfig): Relabel {
  const { source_labels = [], separator = ';', target_label = '', action, modulus = 1 } = config
  const pattern = compilePattern(config.regex ?? '(.*)')
  const replacement = config.replacement ?? '$1'
  const value = (labels: ReadonlyMap<string, string>): string => {
    if (source_labels.length === 1) return labels.get(source_labels[0]!) ?? ''
    return source_labels.map((name) => labels.get(name) ?? '').join(separator)
  }
  const always =
    (change: (labels: Map<string, string>) => void): Relabel =>
    (labels) => {
      change(labels)
      return true
    }
  const changed = (change: (value: string) => string): Relabel =>
    always((labels) => set(labels, target_label, change(value(labels))))
  const filtered = (keep: (name: string) => boolean): Relabel =>
    always((labels) => {
      for (const name of [...labels.keys()]) if (!keep(name)) labels.delete(name)
    })
  switch (action) {
    case 'keep':
      return (labels) => pattern.matches(value(labels))
    case 'drop':
      return (labels) => !pattern.matches(value(labels))
    case 'keepequal':
      return (labels) => (labels.get(target_label) ?? '') === value(labels)
    case 'dropequal':
      return (labels) => (labels.get(target_label) ?? '') !== value(labels)
    case 'lowercase':
      return changed((text) => text.toLowerCase())
    case 'uppercase':
      return changed((text) => text.toUpperCase())
    case 'hashmod':
      return changed((text) => String(hashOf(text) % BigInt(modulus)))
    case 'labeldrop':
      return filtered((name) => !pattern.matches(name))
    case 'labelkeep':
      return filtered((name) => pattern.matches(name))
    case 'labelmap':
      return always((labels) => {
        for (const [name, one] of [...labels]) {
          const made = expand(replacement, pattern, name)
          if (made !== null) set(labels, made, one)
        }
      })
    case 'replace':
      return always((labels) => {
        const text = value(labels)
        const name = expand(target_label, pattern, text)
        if (name !== null && isName(name)) set(labels, name, expand(replacement, pattern, text) ?? '')
      })
  }
}

function set(labels: Map<string, string>, name: string, value: string): void {
  if (value === '') labels.delete(name)
  else if (isName(name)) labels.set(name, value)
}

const isName = (name: string): boolean => name !== '' && !/[\0\p{Cs}]/u.test(name)

/** The last eight bytes of the sum, since that is what shards of older releases went by. */
const hashOf = (text: string): bigint => createHash('md5').update(text).digest().readBigUInt64BE(8)

/** Go's templates of expressions: `$1`, `$name`, `${1}`, `$$`; a group that is not there is empty. Null: no match. */
function expand(template: string, pattern: RE2JS, text: string): string | null {
  const matcher = pattern.matcher(text)
  if (!matcher.matches()) return null
  return template.replace(/\$(?:\$|(\w+)|\{(\w+)\})/g, (whole, plain?: string, braced?: string) => {
    const group = plain ?? braced
    if (group === undefined) return whole === '$$' ? '$' : whole
    try {
      return (/^\d+$/.test(group) ? matcher.group(Number(group)) : matcher.group(group)) ?? ''
    } catch {
      return ''
    }
  })
}
