// Prometheus rule files as users write them today. All faults of a file are found in one reading, each with line, column and remedy; a
// file with a fault gives no group at all, so that half a rule set is never in force.

import {
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseAllDocuments,
  type YAMLMap,
} from 'yaml'
import { tryParseDuration } from '../base/duration.ts'
import { errorText, exitCodes, InferwardError, isInferwardError } from '../base/errors.ts'
import type { Expression, ParseExpression } from './query.ts'
import type { AlertingRule, RecordingRule, Rule, RuleGroup } from './rule.ts'
import { compileTemplate, type Template } from './template.ts'

export type RuleFault = {
  readonly file: string
  readonly line: number
  readonly column: number
  readonly message: string
}
export type RuleFile = {
  readonly groups: readonly RuleGroup[]
  readonly faults: readonly RuleFault[]
  /** Things that are allowed and probably not meant. */
  readonly warnings: readonly RuleFault[]
}

const maxBytes = 4 << 20
const groupKeys = ['name', 'interval', 'limit', 'query_offset', 'labels', 'rules']
const ruleKeys = ['record', 'alert', 'expr', 'for', 'keep_firing_for', 'labels', 'annotations']
const labelName = /^[a-zA-Z_][a-zA-Z0-9_]*$/
const metricName = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/

export function readRuleFile(file: string, text: string, parse: ParseExpression): RuleFile {
  const reader = new Reader(file, parse)
  const groups = text.length > maxBytes ? reader.tooLarge() : reader.read(text)
  return { groups: reader.faults.length === 0 ? groups : [], faults: reader.faults, warnings: reader.warnings }
}

/** The same, for callers to whom a fault is the end: throws `rules.invalid` that lists them all as `file:line:col: message`. */
export function parseRuleFile(file: string, text: string, parse: ParseExpression): readonly RuleGroup[] {
  const { groups, faults } = readRuleFile(file, text, parse)
  if (faults.length === 0) return groups
  throw new InferwardError({
    code: 'rules.invalid',
    exitCode: exitCodes.config,
    message: faults.map(faultText).join('\n'),
    hint: 'Correct the rule file and load it again; the rules in force were not changed.',
  })
}

export function faultText(fault: RuleFault): string {
  return `${fault.file}:${fault.line}:${fault.column}: ${fault.message}`
}

class Reader {
  readonly faults: RuleFault[] = []
  readonly warnings: RuleFault[] = []
  private readonly file: string
  private readonly parse: ParseExpression
  private readonly lines = new LineCounter()

  constructor(file: string, parse: ParseExpression) {
    this.file = file
    this.parse = parse
  }

  tooLarge(): readonly RuleGroup[] {
    this.faults.push({ file: this.file, line: 1, column: 1, message: `rule file is larger than ${maxBytes} bytes` })
    return []
  }

  read(text: string): readonly RuleGroup[] {
    const documents = parseAllDocuments(text, { lineCounter: this.lines, prettyErrors: false, uniqueKeys: true })
    const document = Array.isArray(documents) ? documents[0] : undefined
    if (document === undefined) return []
    for (const error of document.errors) this.fault(error.pos[0], `not valid YAML: ${error.message}`)
    if (this.faults.length > 0 || document.contents === null) return []
    const second = Array.isArray(documents) ? documents[1] : undefined
    if (second !== undefined) {
      this.warnings.push(
        this.at(second.contents?.range?.[0] ?? 0, 'only the first YAML document of a rule file is read'),
      )
    }
    const root = this.map(document.contents, 'rule file', ['groups'])
    const list = root?.get('groups')
    if (list === undefined || isEmpty(list.value)) return []
    if (!isSeq(list.value)) {
      this.fault(list.at, 'groups: must be a list')
      return []
    }
    const names = new Set<string>()
    const groups: RuleGroup[] = []
    for (const item of list.value.items as Node[]) {
      const group = this.group(item)
      if (group === null) continue
      if (names.has(group.name)) this.fault(start(item), `group name "${group.name}" is repeated in the same file`)
      names.add(group.name)
      groups.push(group)
    }
    return groups
  }

  private group(node: Node): RuleGroup | null {
    const fields = this.map(node, 'group', groupKeys)
    if (fields === null) return null
    const name = this.text(fields.get('name'), 'name')
    if (name === '') this.fault(start(node), 'group without a name')
    const labels = this.labels(fields.get('labels'), 'labels', '')
    const limit = this.scalar(fields.get('limit'), 'limit')
    if (limit !== undefined && !(Number.isSafeInteger(limit) && (limit as number) >= 0)) {
      this.fault(fields.get('limit')!.at, 'limit: must be a whole number, 0 or more')
    }
    const interval = this.duration(fields.get('interval'), 'interval')
    const rules: Rule[] = []
    const list = fields.get('rules')
    if (list !== undefined && !isEmpty(list.value)) {
      if (isSeq(list.value)) {
        for (const item of list.value.items as Node[]) {
          const rule = this.rule(item, labels.texts)
          if (rule !== null) rules.push(rule)
        }
      } else this.fault(list.at, 'rules: must be a list')
    }
    return {
      name,
      file: this.file,
      intervalMs: interval === undefined || interval === 0 ? null : interval,
      queryOffsetMs: this.duration(fields.get('query_offset'), 'query_offset') ?? 0,
      limit: typeof limit === 'number' ? limit : 0,
      labels: labels.texts,
      rules,
    }
  }

  private rule(node: Node, groupLabels: Readonly<Record<string, string>>): Rule | null {
    const fields = this.map(node, 'rule', ruleKeys)
    if (fields === null) return null
    const record = this.text(fields.get('record'), 'record')
    const alert = this.text(fields.get('alert'), 'alert')
    if (record !== '' && alert !== '') this.fault(start(node), 'only one of "record" and "alert" may be set')
    if (record === '' && alert === '') this.fault(start(node), 'one of "record" or "alert" must be set')
    const expression = this.expression(fields.get('expr'), node)
    const labels = this.labels(fields.get('labels'), 'labels', alert)
    const { line } = this.at(start(node), '')
    const common = {
      expression: expression ?? { text: '', selectors: [] },
      labels: { ...groupLabels, ...labels.texts },
      line,
    }
    if (alert === '') {
      for (const key of ['for', 'keep_firing_for', 'annotations']) {
        const field = fields.get(key)
        if (field !== undefined) this.fault(field.at, `invalid field "${key}" in recording rule`)
      }
      if (record !== '' && !metricName.test(record)) {
        this.fault(fields.get('record')!.at, `record: "${record}" is not a valid metric name`)
      }
      return { kind: 'recording', name: record, ...common } satisfies RecordingRule
    }
    const annotations = this.labels(fields.get('annotations'), 'annotations', alert)
    return {
      kind: 'alerting',
      name: alert,
      ...common,
      forMs: this.duration(fields.get('for'), 'for') ?? 0,
      keepFiringForMs: this.duration(fields.get('keep_firing_for'), 'keep_firing_for') ?? 0,
      annotations: annotations.texts,
      labelTemplates: { ...constants(groupLabels), ...labels.templates },
      annotationTemplates: annotations.templates,
    } satisfies AlertingRule
  }

  private expression(field: Field | undefined, rule: Node): Expression | null {
    const text = field === undefined ? '' : String(this.scalar(field, 'expr') ?? '')
    if (field === undefined || text.trim() === '') {
      this.fault(field?.at ?? start(rule), 'field "expr" must be set')
      return null
    }
    try {
      return this.parse(text)
    } catch (error) {
      this.fault(field.at, `could not parse expression: ${errorText(error)}`)
      return null
    }
  }

  /** Templates too where `alert`, the alert's name, is not empty. */
  private labels(field: Field | undefined, what: string, alert: string) {
    const texts: Record<string, string> = {}
    const templates: Record<string, Template> = {}
    if (field === undefined || isEmpty(field.value)) return { texts, templates }
    for (const [name, entry] of this.map(field.value, what, null) ?? []) {
      const value = this.scalar(entry, `${what}.${name}`)
      if (!labelName.test(name) || (what === 'labels' && name === '__name__')) {
        this.fault(entry.at, `invalid ${what === 'labels' ? 'label' : 'annotation'} name: ${name}`)
        continue
      }
      const text = value === undefined || value === null ? '' : String(value)
      texts[name] = text
      if (alert === '') continue
      try {
        templates[name] = compileTemplate(text, `__alert_${alert}`)
      } catch (error) {
        if (!isInferwardError(error)) throw error
        this.fault(entry.at, `${what}.${name}: ${error.message}${error.hint === undefined ? '' : ` (${error.hint})`}`)
      }
    }
    return { texts, templates }
  }

  private duration(field: Field | undefined, what: string): number | undefined {
    const value = this.scalar(field, what)
    if (field === undefined || value === undefined || value === null) return undefined
    const ms = tryParseDuration(String(value))
    if (ms === undefined) this.fault(field.at, `${what}: not a valid duration: "${value}" (write 30s, 5m or 1h30m)`)
    return ms
  }

  private text(field: Field | undefined, what: string): string {
    const value = this.scalar(field, what)
    return value === undefined || value === null ? '' : String(value)
  }

  private scalar(field: Field | undefined, what: string): unknown {
    if (field === undefined) return undefined
    if (isScalar(field.value)) {
      // Go's YAML reads `expr: 1` and `for: 5m` into strings as written; the source text is that.
      return typeof field.value.value === 'number' && what !== 'limit'
        ? (field.value.source ?? field.value.value)
        : field.value.value
    }
    if (field.value === null) return undefined
    this.fault(field.at, `${what}: must be a single value`)
    return undefined
  }

  /** Fields of a mapping by name; unknown ones are faults unless `known` is null. */
  private map(node: Node | null, what: string, known: readonly string[] | null): Map<string, Field> | null {
    if (!isMap(node)) {
      this.fault(start(node), `${what}: must be a mapping`)
      return null
    }
    const fields = new Map<string, Field>()
    for (const pair of (node as YAMLMap).items as Pair<Node, Node | null>[]) {
      if (!isPair(pair) || !isScalar(pair.key)) {
        this.fault(start(node), `${what}: keys must be plain names`)
        continue
      }
      const name = String(pair.key.value)
      const at = start(pair.key)
      if (known !== null && !known.includes(name)) this.fault(at, `field ${name} not found in ${what}`)
      fields.set(name, { at: pair.value === null || isEmpty(pair.value) ? at : start(pair.value), value: pair.value })
    }
    return fields
  }

  private at(offset: number, message: string): RuleFault {
    const position = this.lines.linePos(offset)
    return { file: this.file, line: position.line, column: position.col, message }
  }

  private fault(offset: number, message: string): void {
    this.faults.push(this.at(offset, message))
  }
}

type Field = { readonly at: number; readonly value: Node | null }

const start = (node: Node | null | undefined): number => node?.range?.[0] ?? 0
const isEmpty = (node: Node | null): boolean => node === null || (isScalar(node) && node.value === null)

function constants(texts: Readonly<Record<string, string>>): Record<string, Template> {
  return Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, () => text]))
}
