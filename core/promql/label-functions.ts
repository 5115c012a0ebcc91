// Functions that read or write labels: label_replace, label_join, and the labels that absent() can know.

import type { RE2JS } from 're2js'
import type { Labels } from '../series/seam.ts'
import { type Node, unwrap } from './ast.ts'
import { executionError } from './errors.ts'
import { compilePattern } from './pattern.ts'
import { labelValue, metricName, type StepSeries, setLabel, unique, type Vector } from './vector.ts'

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
  return vector.map((series) => {
    const matcher = compiled.matcher(labelValue(series.labels, source))
    if (!matcher.matches()) return series
    const value = replacement.replace(
      /\$(?:\$|(\d+)|(\w+)|\{(\w+)\})/g,
      (all, digits?: string, word?: string, braced?: string) => {
        if (all === '$$') return '$'
        const group = digits ?? word ?? braced ?? ''
        try {
          return (/^\d+$/.test(group) ? matcher.group(Number(group)) : matcher.group(group)) ?? ''
        } catch {
          // An unknown group is empty, as in Go.
          return ''
        }
      },
    )
    return relabel(series, target, value)
  })
}

function labelJoin(vector: Vector, [target = '', separator = '', ...sources]: readonly string[]): Vector {
  for (const source of sources) demandLabel('label_join', 'source', source)
  demandLabel('label_join', 'destination', target)
  return vector.map((series) =>
    relabel(series, target, sources.map((source) => labelValue(series.labels, source)).join(separator)),
  )
}

/** Labels that the selector fixes by `=`; one that it names twice is none. */
export function absentLabels(argument: Node): Labels {
  const node = unwrap(argument)
  const matchers = node.kind === 'selector' ? node.matchers : node.kind === 'matrix' ? node.selector.matchers : []
  let labels: Labels = []
  for (const { name, op, value } of matchers) {
    const once = matchers.filter((one) => one.name === name).length === 1
    if (name !== metricName && op === '=' && once) labels = setLabel(labels, name, value)
  }
  return labels
}
