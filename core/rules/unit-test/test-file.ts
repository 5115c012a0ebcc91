// Unit tests of rules as promtool reads them: what is written, checked for its shape, with the place of every part. Nothing is evaluated here.
// Source: Prometheus' documentation of unit testing for rules.

import type { Node } from 'yaml'
import type { LabelRecord } from '../labels.ts'
import { type Fault, type Field, isEmpty, type Place, start, YamlReader } from '../yaml-reader.ts'

export type InputSeries = { readonly place: Place; readonly series: string; readonly values: string }
export type AlertCheck = {
  readonly place: Place
  readonly evalMs: number
  readonly alertname: string
  readonly expected: readonly { readonly labels: LabelRecord; readonly annotations: LabelRecord }[]
}
export type ExpectedSample = {
  readonly place: Place
  /** As written: a selector of equalities. */
  readonly labels: string
  readonly value: number
  /** Native histogram in its notation; empty: a float. */
  readonly histogram: string
}
export type QueryCheck = {
  readonly place: Place
  readonly evalMs: number
  readonly expr: string
  readonly expected: readonly ExpectedSample[]
}
export type UnitTest = {
  readonly place: Place
  /** `unnamed#N` where it has no name of its own. */
  readonly name: string
  /** Whether the name was given. */
  readonly named: boolean
  readonly intervalMs: number
  readonly series: readonly InputSeries[]
  readonly alerts: readonly AlertCheck[]
  readonly queries: readonly QueryCheck[]
  readonly externalLabels: LabelRecord
  readonly externalUrl: string
  /** Milliseconds; what `eval_time: 0` means. */
  readonly startMs: number
}
export type UnitTestFile = {
  readonly ruleFiles: readonly string[]
  readonly evaluationMs: number
  readonly groupOrder: readonly string[]
  /** Values one step of a float64 apart are the same. */
  readonly fuzzy: boolean
  readonly tests: readonly UnitTest[]
  /** None of the above counts where there are any. */
  readonly faults: readonly Fault[]
}

const fileKeys = ['rule_files', 'evaluation_interval', 'group_eval_order', 'tests', 'fuzzy_compare']
const testKeys = [
  ...['interval', 'input_series', 'alert_rule_test', 'promql_expr_test', 'external_labels', 'external_url'],
  ...['name', 'start_timestamp'],
]
const defaultIntervalMs = 60_000

export function readUnitTests(file: string, text: string): UnitTestFile {
  const reader = new Reader(file)
  const read = reader.read(text)
  return { ...read, faults: reader.faults }
}

class Reader extends YamlReader {
  read(text: string): Omit<UnitTestFile, 'faults'> {
    const root = this.root(text, 'unit test file')
    const fields =
      root === null || isEmpty(root) ? new Map<string, Field>() : this.map(root, 'unit test file', fileKeys)
    const evaluationMs = this.duration(fields?.get('evaluation_interval'), 'evaluation_interval') || defaultIntervalMs
    const groupOrder = this.words(fields?.get('group_eval_order'), 'group_eval_order')
    const repeated = groupOrder.find((name, index) => groupOrder.indexOf(name) !== index)
    if (repeated !== undefined) {
      this.fault(fields!.get('group_eval_order')!.at, `group name repeated in evaluation order: ${repeated}`)
    }
    return {
      ruleFiles: this.words(fields?.get('rule_files'), 'rule_files'),
      evaluationMs,
      groupOrder,
      fuzzy: this.flag(fields?.get('fuzzy_compare'), 'fuzzy_compare'),
      tests: this.list(fields?.get('tests'), 'tests').map((node, index) => this.test(node, index, evaluationMs)),
    }
  }

  private test(node: Node, index: number, evaluationMs: number): UnitTest {
    const fields = this.fieldsOf(node, 'test', testKeys)
    const name = this.text(fields.get('name'), 'name') ?? ''
    const each = <T>(key: string, read: (node: Node) => T): readonly T[] => this.list(fields.get(key), key).map(read)
    return {
      place: this.lineAt(start(node)),
      name: name === '' ? `unnamed#${index}` : name,
      named: name !== '',
      intervalMs: this.duration(fields.get('interval'), 'interval') || evaluationMs,
      series: each('input_series', (one) => this.series(one)),
      alerts: each('alert_rule_test', (one) => this.alert(one)),
      queries: each('promql_expr_test', (one) => this.query(one)),
      externalLabels: this.record(fields.get('external_labels'), 'external_labels'),
      externalUrl: this.text(fields.get('external_url'), 'external_url') ?? '',
      startMs: this.moment(fields.get('start_timestamp')),
    }
  }

  private series(node: Node): InputSeries {
    const fields = this.fieldsOf(node, 'input series', ['series', 'values'])
    return {
      place: this.placeOf(fields.get('series'), node),
      series: this.text(fields.get('series'), 'series') ?? '',
      values: this.text(fields.get('values'), 'values') ?? '',
    }
  }

  private alert(node: Node): AlertCheck {
    const fields = this.fieldsOf(node, 'alert test', ['eval_time', 'alertname', 'exp_alerts'])
    return {
      place: this.lineAt(start(node)),
      evalMs: this.duration(fields.get('eval_time'), 'eval_time') ?? 0,
      alertname: this.text(fields.get('alertname'), 'alertname') ?? '',
      expected: this.list(fields.get('exp_alerts'), 'exp_alerts').map((one) => {
        const parts = this.fieldsOf(one, 'expected alert', ['exp_labels', 'exp_annotations'])
        return {
          labels: this.record(parts.get('exp_labels'), 'exp_labels'),
          annotations: this.record(parts.get('exp_annotations'), 'exp_annotations'),
        }
      }),
    }
  }

  private query(node: Node): QueryCheck {
    const fields = this.fieldsOf(node, 'query test', ['expr', 'eval_time', 'exp_samples'])
    return {
      place: this.placeOf(fields.get('expr'), node),
      evalMs: this.duration(fields.get('eval_time'), 'eval_time') ?? 0,
      expr: this.text(fields.get('expr'), 'expr') ?? '',
      expected: this.list(fields.get('exp_samples'), 'exp_samples').map((one) => {
        const parts = this.fieldsOf(one, 'expected sample', ['labels', 'value', 'histogram'])
        return {
          place: this.lineAt(start(one)),
          labels: this.text(parts.get('labels'), 'labels') ?? '',
          value: this.number(parts.get('value'), 'value') ?? 0,
          histogram: this.text(parts.get('histogram'), 'histogram') ?? '',
        }
      }),
    }
  }

  /** Seconds since 1970, or a date and time of RFC 3339. */
  private moment(field: Field | undefined): number {
    const text = this.text(field, 'start_timestamp')
    if (field === undefined || text === undefined) return 0
    const seconds = text.trim() === '' ? Number.NaN : Number(text)
    if (Number.isFinite(seconds)) return Math.round(seconds * 1000)
    const dated = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$/.test(text)
    const ms = dated ? Date.parse(text) : Number.NaN
    if (!Number.isNaN(ms)) return ms
    this.fault(field.at, `start_timestamp: neither seconds since 1970 nor a date such as 2024-01-01T00:00:00Z: ${text}`)
    return 0
  }

  private fieldsOf(node: Node, what: string, known: readonly string[]): Map<string, Field> {
    // Nothing at all is a part with nothing in it.
    return (isEmpty(this.resolved(node)) ? null : this.map(node, what, known)) ?? new Map()
  }

  private placeOf(field: Field | undefined, node: Node): Place {
    return this.lineAt(field?.at ?? start(node))
  }

  private words(field: Field | undefined, what: string): readonly string[] {
    return this.list(field, what).map((node) => this.text({ at: start(node), value: node }, what) ?? '')
  }

  private record(field: Field | undefined, what: string): LabelRecord {
    return Object.fromEntries([...this.texts(field, what)].map(([name, { text }]) => [name, text]))
  }
}
