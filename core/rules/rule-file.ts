// Prometheus rule files as users write them today. All faults of a file are found in one reading, each with line, column and remedy; a
// file with a fault gives no group at all, so that half a rule set is never in force.

import type { Node } from 'yaml'
import { errorText, exitCodes, InferwardError, isInferwardError } from '../base/errors.ts'
import { type BlindPolicy, blindPolicies } from './blindness.ts'
import type { Expression, ParseExpression } from './query.ts'
import type { AlertingRule, RecordingRule, Rule, RuleGroup } from './rule.ts'
import { compileTemplate, type Template } from './template.ts'
import { type Fault, type Field, faultText, isEmpty, type Place, start, YamlReader } from './yaml-reader.ts'

export type RuleFault = Fault
export { faultText }
/** Where the parts of a rule stand in its file. */
export type RulePlaces = {
  readonly rule: Place
  /** Place of a character of the expression. */
  readonly expression: (offset: number) => Place
  /** Of the value of a field, or of an entry as in `labels.severity`; null where the rule has none. */
  readonly field: (name: string) => Place | null
}
export type RuleFile = {
  readonly groups: readonly RuleGroup[]
  readonly faults: readonly RuleFault[]
  /** Things that are allowed and probably not meant. */
  readonly warnings: readonly RuleFault[]
  readonly places: ReadonlyMap<Rule, RulePlaces>
}
export type RuleFileOptions = {
  /** Fields that nobody knows are passed over. */
  readonly ignoreUnknown?: boolean
}

/** `no_data` is ours: Prometheus refuses a file that has it. */
const groupKeys = ['name', 'interval', 'limit', 'query_offset', 'labels', 'rules', 'no_data']
const ruleKeys = ['record', 'alert', 'expr', 'for', 'keep_firing_for', 'labels', 'annotations', 'no_data']

export function readRuleFile(
  file: string,
  text: string,
  parse: ParseExpression,
  options: RuleFileOptions = {},
): RuleFile {
  const reader = new Reader(file, parse, options.ignoreUnknown ?? false)
  const groups = reader.read(text)
  const { faults, warnings, places } = reader
  return { groups: faults.length === 0 ? groups : [], faults, warnings, places }
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

class Reader extends YamlReader {
  readonly places = new Map<Rule, RulePlaces>()
  private readonly parse: ParseExpression

  constructor(file: string, parse: ParseExpression, ignoreUnknown: boolean) {
    super(file, ignoreUnknown)
    this.parse = parse
  }

  read(text: string): readonly RuleGroup[] {
    const root = this.root(text, 'rule file')
    if (root === null || isEmpty(root)) return []
    const list = this.map(root, 'rule file', ['groups'])?.get('groups')
    const names = new Set<string>()
    const groups: RuleGroup[] = []
    for (const item of this.list(list, 'groups')) {
      // Upstream passes over an entry with nothing in it.
      if (isEmpty(this.resolved(item))) continue
      const group = this.group(item)
      if (group === null) continue
      if (names.has(group.name)) this.fault(start(item), `groupname: "${group.name}" is repeated in the same file`)
      names.add(group.name)
      groups.push(group)
    }
    return groups
  }

  private group(node: Node): RuleGroup | null {
    const fields = this.map(node, 'group', groupKeys)
    if (fields === null) return null
    const name = this.text(fields.get('name'), 'name') ?? ''
    if (name === '') this.fault(start(node), 'Groupname must not be empty')
    const labels = this.labels(fields.get('labels'), 'labels')
    const interval = this.duration(fields.get('interval'), 'interval')
    const noData = this.noData(fields.get('no_data'))
    return {
      name,
      file: this.file,
      intervalMs: interval === undefined || interval === 0 ? null : interval,
      queryOffsetMs: this.duration(fields.get('query_offset'), 'query_offset') ?? 0,
      // Upstream takes a negative one for none.
      limit: Math.max(0, this.wholeNumber(fields.get('limit'), 'limit') ?? 0),
      labels,
      rules: this.list(fields.get('rules'), 'rules').flatMap((item) => this.rule(item, labels, noData) ?? []),
    }
  }

  private rule(node: Node, groupLabels: Readonly<Record<string, string>>, noData: BlindPolicy): Rule | null {
    if (isEmpty(this.resolved(node))) return null
    const fields = this.map(node, 'rule', ruleKeys)
    if (fields === null) return null
    const record = this.text(fields.get('record'), 'record') ?? ''
    const alert = this.text(fields.get('alert'), 'alert') ?? ''
    if (record !== '' && alert !== '') this.fault(start(node), "only one of 'record' and 'alert' must be set")
    if (record === '' && alert === '') this.fault(start(node), "one of 'record' or 'alert' must be set")
    const expression = this.expression(fields.get('expr'), node)
    const own = this.labels(fields.get('labels'), 'labels')
    const common = {
      expression: expression ?? { text: '', selectors: [] },
      labels: { ...groupLabels, ...own },
      line: this.lineAt(start(node)).line,
    }
    const rule =
      alert === '' ? this.recording(record, common, fields) : this.alerting(alert, common, fields, own, noData)
    this.places.set(rule, {
      rule: this.lineAt(start(node)),
      expression: (offset) => this.placeIn(fields.get('expr')!, common.expression.text, offset),
      field: (name) => this.placeOfField(fields, name),
    })
    return rule
  }

  private placeOfField(fields: ReadonlyMap<string, Field>, name: string): Place | null {
    const [key, entry] = name.split(/\.(.*)/s) as [string, string | undefined]
    const field = fields.get(key)
    if (field === undefined) return null
    return this.lineAt((entry === undefined ? undefined : this.texts(field, key).get(entry)?.at) ?? field.at)
  }

  private recording(name: string, common: Common, fields: ReadonlyMap<string, Field>): RecordingRule {
    for (const key of ['for', 'keep_firing_for']) {
      const field = fields.get(key)
      if ((this.duration(field, key) ?? 0) !== 0) this.fault(field!.at, `invalid field '${key}' in recording rule`)
    }
    const annotations = fields.get('annotations')
    if (this.texts(annotations, 'annotations').size > 0) {
      this.fault(annotations!.at, "invalid field 'annotations' in recording rule")
    }
    const noData = fields.get('no_data')
    if (noData !== undefined) this.fault(noData.at, "invalid field 'no_data' in recording rule")
    if (/[{}]/.test(name)) {
      const words = 'braces present in the recording rule name; should it be in expr?'
      this.fault(fields.get('record')!.at, `record: ${words}: ${name}`)
    }
    return { kind: 'recording', name, ...common }
  }

  private alerting(
    name: string,
    common: Common,
    fields: ReadonlyMap<string, Field>,
    own: Readonly<Record<string, string>>,
    noData: BlindPolicy,
  ): AlertingRule {
    const annotations = this.labels(fields.get('annotations'), 'annotations')
    return {
      kind: 'alerting',
      name,
      ...common,
      forMs: this.duration(fields.get('for'), 'for') ?? 0,
      keepFiringForMs: this.duration(fields.get('keep_firing_for'), 'keep_firing_for') ?? 0,
      noData: this.noData(fields.get('no_data'), noData),
      annotations,
      labelTemplates: { ...groupTemplates(common.labels, name), ...this.templates(own, fields, 'labels', name) },
      annotationTemplates: this.templates(annotations, fields, 'annotations', name),
    }
  }

  private noData(field: Field | undefined, inherited: BlindPolicy = 'keep'): BlindPolicy {
    const text = this.text(field, 'no_data') ?? inherited
    const policy = blindPolicies.find((one) => one === text)
    if (policy === undefined) this.fault(field!.at, `no_data: must be one of ${blindPolicies.join(', ')}: "${text}"`)
    return policy ?? inherited
  }

  private expression(field: Field | undefined, rule: Node): Expression | null {
    const text = this.text(field, 'expr') ?? ''
    if (field === undefined || text === '') {
      this.fault(field?.at ?? start(rule), "field 'expr' must be set in rule")
      return null
    }
    try {
      return this.parse(text)
    } catch (error) {
      const words = errorText(error)
      this.faults.push({
        file: this.file,
        ...this.placeIn(field, text, offsetOf(words, text)),
        message: `could not parse expression: ${words}`,
      })
      return null
    }
  }

  private labels(field: Field | undefined, what: 'labels' | 'annotations'): Record<string, string> {
    const found: Record<string, string> = {}
    for (const [name, { at, text }] of this.texts(field, what)) {
      if (name === '' || (what === 'labels' && name === '__name__')) {
        this.fault(at, `invalid ${what === 'labels' ? 'label' : 'annotation'} name: ${name}`)
      } else found[name] = text
    }
    return found
  }

  private templates(
    texts: Readonly<Record<string, string>>,
    fields: ReadonlyMap<string, Field>,
    what: 'labels' | 'annotations',
    alert: string,
  ): Record<string, Template> {
    const templates: Record<string, Template> = {}
    for (const [name, text] of Object.entries(texts)) {
      try {
        templates[name] = compileTemplate(text, `__alert_${alert}`)
      } catch (error) {
        if (!isInferwardError(error)) throw error
        const hint = error.hint === undefined ? '' : ` (${error.hint})`
        const at = this.texts(fields.get(what), what).get(name)?.at ?? 0
        this.fault(at, `${what}.${name}: ${error.message}${hint}`)
      }
    }
    return templates
  }
}

/** Of the `line:column:` that a parse error begins with. */
function offsetOf(words: string, text: string): number {
  const place = /^(\d+):(\d+): /.exec(words)
  if (place === null) return 0
  const before = text.split('\n').slice(0, Number(place[1]) - 1)
  return before.reduce((sum, line) => sum + line.length + 1, 0) + Number(place[2]) - 1
}

type Common = Pick<RecordingRule, 'expression' | 'labels' | 'line'>

/** Labels of the group are templates as well; upstream finds out that one is none only when the alert fires, and says so in its text. */
function groupTemplates(labels: Readonly<Record<string, string>>, alert: string): Record<string, Template> {
  return Object.fromEntries(
    Object.entries(labels).map(([name, text]): [string, Template] => {
      try {
        return [name, compileTemplate(text, `__alert_${alert}`)]
      } catch (error) {
        if (!isInferwardError(error)) throw error
        return [name, () => `<error expanding template: ${error.message}>`]
      }
    }),
  )
}
