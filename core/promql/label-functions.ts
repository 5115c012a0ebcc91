// Functions that read or write labels: label_replace, label_join, and the labels that absent() can know.

import type { RE2JS } from 're2js'
import type { Labels, Matcher } from '../series/seam.ts'
import { type Node, unwrap } from './ast.ts'
import { executionError } from './errors.ts'
import { matchesEmpty } from './matchers.ts'
import { compilePattern } from './pattern.ts'
import { labelValue, metricName, type StepSeries, setLabel, unique, type Vector } from './vector.ts'

/** Of one value that a query writes, in characters, as long as a sender may make one; and of all values of one call, in sum. */
export const maxLabelValueLength = 64 << 10
const maxWrittenLength = 16 << 20

/** Collects what one call writes: nested calls may double a value at every level, so each is refused once it is too long, unbuilt. */
class Written {
  private readonly name: string
  private sum = 0
  constructor(name: string) {
    this.name = name
  }
  /** Parts in order, made only as far as they fit. */
  value(parts: Iterable<string>): string {
    let value = ''
    for (const part of parts) {
      if (value.length + part.length > maxLabelValueLength)
        throw executionError(`label value too long in ${this.name}(): more than ${maxLabelValueLength} characters`)
      value += part
    }
    this.sum += value.length
    if (this.sum > maxWrittenLength)
      throw executionError(`too many label values in ${this.name}(): more than ${maxWrittenLength} characters`)
    return value
  }
}

export function labelCall(name: string, vector: Vector, parameters: readonly string[]): Vector {
  return unique(name === 'label_join' ? labelJoin(vector, parameters) : labelReplace(vector, parameters))
}

/** A label name is any text; bytes that are no text became U+FFFD. */
function demandLabel(name: string, kind: string, label: string): void {
  if (label === '' || label.includes('\ufffd'))
    throw executionError(`invalid ${kind} label name in ${name}(): ${label}`)
}

/** A metric name that is written anew is not one that is to go. */
function relabel(series: StepSeries, target: string, value: string): StepSeries {
  return {
    ...series,
    labels: setLabel(series.labels, target, value),
    dropName: target === metricName ? false : series.dropName,
  }
}

function labelReplace(
  vector: Vector,
  [target = '', replacement = '', source = '', pattern = '']: readonly string[],
): Vector {
  let compiled: RE2JS
  try {
    compiled = compilePattern(pattern)
  } catch {
    throw executionError(`invalid regular expression in label_replace(): ${pattern}`)
  }
  demandLabel('label_replace', 'destination', target)
  const pieces = [...replacement.matchAll(/\$(?:\$|(?<name>\d+|\w+)|\{(?<braced>\w+)\})|[^$]+|\$/g)]
  const written = new Written('label_replace')
  return vector.map((series) => {
    const matcher = compiled.matcher(labelValue(series.labels, source))
    if (!matcher.matches()) return series
    const part = ({ 0: text, groups }: RegExpExecArray): string => {
      const group = groups?.name ?? groups?.braced
      if (group === undefined) return text === '$$' ? '$' : text
      try {
        return (/^\d+$/.test(group) ? matcher.group(Number(group)) : matcher.group(group)) ?? ''
      } catch {
        // An unknown group is empty, as in Go.
        return ''
      }
    }
    return relabel(series, target, written.value(mapped(pieces, part)))
  })
}

/** One at a time, so that whoever has enough need not have all. */
function* mapped<T, U>(values: Iterable<T>, made: (value: T) => U): Iterable<U> {
  for (const value of values) yield made(value)
}

function labelJoin(vector: Vector, [target = '', separator = '', ...sources]: readonly string[]): Vector {
  for (const source of sources) demandLabel('label_join', 'source', source)
  demandLabel('label_join', 'destination', target)
  const written = new Written('label_join')
  return vector.map((series) => {
    const part = (source: string, at: number): string => (at === 0 ? '' : separator) + labelValue(series.labels, source)
    return relabel(series, target, written.value(mapped(sources.entries(), ([at, source]) => part(source, at))))
  })
}

/** Labels that the selector fixes by `=`. One that further matchers speak of is fixed only where the `=` is the last of two. */
export function absentLabels(argument: Node): Labels {
  const node = unwrap(argument)
  const matchers = node.kind === 'selector' ? node.matchers : node.kind === 'matrix' ? node.selector.matchers : []
  const fixed = new Set<string>()
  let labels: Labels = []
  for (const { name, op, value } of selectionOrder(matchers)) {
    if (name === metricName) continue
    const fixes = op === '=' && !fixed.has(name)
    labels = setLabel(labels, name, fixes ? value : '')
    if (fixes) fixed.add(name)
  }
  return labels
}

/** Matchers that only take series away come last, as upstream's index sorts them before the labels are read off. */
function selectionOrder(matchers: readonly Matcher[]): readonly Matcher[] {
  const needed = new Set(matchers.filter((one) => !matchesEmpty(one)).map(({ name }) => name))
  const takesAway = (one: Matcher): boolean =>
    !needed.has(one.name) || ((one.op === '!=' || one.op === '!~') && matchesEmpty(one))
  return [...matchers.filter((one) => !takesAway(one)), ...matchers.filter(takesAway)]
}
