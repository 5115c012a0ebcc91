// Rules that rewrite labels, as Prometheus' manual tells of each of them.

import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { openRelabel } from '../../../server/remote/relabel.ts'
import { relabelConfigs } from '../../../server/remote/relabel-config.ts'
import { cpuMs } from '../../helpers/cpu-time.ts'

const given = { __address__: 'host-7:9100', job: 'node', zone: 'z1', path: '/a/b', empty_not: 'x' }

/** `dropped`, or what has changed: null for what is gone. */
function relabelled(text: string, labels: Record<string, string> = given): Record<string, string | null> | 'dropped' {
  const relabel = openRelabel(relabelConfigs.parse(parse(text)))
  const all = new Map(Object.entries(labels))
  if (relabel?.(all) === false) return 'dropped'
  const changes: Record<string, string | null> = {}
  for (const [name, value] of all) if (labels[name] !== value) changes[name] = value
  for (const name of Object.keys(labels)) if (!all.has(name)) changes[name] = null
  return changes
}

describe('a rule', () => {
  it.each<[what: string, rules: string, outcome: unknown]>([
    ['of nothing', '[]', {}],
    ['copies a label', '[{ source_labels: [job], target_label: copy }]', { copy: 'node' }],
    ['writes a constant', '[{ target_label: site, replacement: s1 }]', { site: 's1' }],
    ['joins labels', '[{ source_labels: [job, zone, none], target_label: all }]', { all: 'node;z1;' }],
    ['joins by its own mark', '[{ source_labels: [job, zone], separator: "", target_label: all }]', { all: 'nodez1' }],
    [
      'takes parts',
      `[{ source_labels: [__address__], regex: '(\\w+)-(\\d+):(?P<port>.+)', target_label: t, replacement: '$2/\${1}/$port$$' }]`,
      { t: '7/host/9100$' },
    ],
    ['knows no such group', `[{ source_labels: [job], target_label: t, replacement: 'a$9b$1' }]`, { t: 'anode' }],
    [
      'reads a group name as far as it goes',
      `[{ source_labels: [job], target_label: t, replacement: 'a$1b' }]`,
      { t: 'a' },
    ],
    ['matches the whole value', '[{ source_labels: [job], regex: nod, target_label: t }]', {}],
    ['empties a label', '[{ source_labels: [none], target_label: job }]', { job: null }],
    [
      'names its target by a part',
      `[{ source_labels: [zone], regex: 'z(.)', target_label: 'zone_$1', replacement: y }]`,
      { zone_1: 'y' },
    ],
    ['names no target', `[{ source_labels: [job], regex: 'node(.*)', target_label: '$1', replacement: y }]`, {}],
    ['keeps what matches', '[{ action: keep, source_labels: [job], regex: no.e }]', {}],
    ['keeps nothing else', '[{ action: keep, source_labels: [job], regex: no }]', 'dropped'],
    ['drops what matches', '[{ action: drop, source_labels: [job, zone], regex: node;z. }]', 'dropped'],
    ['drops nothing else', '[{ action: drop, source_labels: [none], regex: x }]', {}],
    ['keeps equals', '[{ action: keepequal, source_labels: [job], target_label: zone }]', 'dropped'],
    ['drops equals', '[{ action: dropequal, source_labels: [job], target_label: job }]', 'dropped'],
    ['drops no others', '[{ action: dropequal, source_labels: [job], target_label: zone }]', {}],
    ['lowers', '[{ action: lowercase, source_labels: [up], target_label: up }]', {}],
    ['raises', '[{ action: UpperCase, source_labels: [job], target_label: job }]', { job: 'NODE' }],
    [
      'deals by hash',
      '[{ action: hashmod, source_labels: [__address__], modulus: 1000, target_label: shard }]',
      { shard: '894' },
    ],
    ['maps names', `[{ action: labelmap, regex: '__(.+)__', replacement: 'was_$1' }]`, { was_address: 'host-7:9100' }],
    ['drops names', '[{ action: labeldrop, regex: "z.*|path" }]', { zone: null, path: null }],
    ['keeps names', '[{ action: labelkeep, regex: "__.*|job" }]', { zone: null, path: null, empty_not: null }],
    [
      'sees what the one before it did',
      '[{ source_labels: [job], target_label: __tmp }, { action: drop, source_labels: [__tmp], regex: node }]',
      'dropped',
    ],
  ])('%s', (_what, rules, outcome) => {
    expect(relabelled(rules)).toEqual(outcome)
  })

  it('deals by the hash that Prometheus deals by', () => {
    const rules = '[{ action: hashmod, source_labels: [c], target_label: d, modulus: 1000 }]'
    expect(relabelled(rules, { c: 'baz' })).toEqual({ d: '976' })
  })

  it('takes a line feed for a character like any other', () => {
    const rules = '[{ source_labels: [two], regex: "a.*b", target_label: t, replacement: yes }]'
    expect(relabelled(rules, { two: 'a\nb' })).toEqual({ t: 'yes' })
  })

  it('with an expression that is costly elsewhere takes no time', () => {
    const rules = '[{ source_labels: [a], regex: "(x+x+)+y", target_label: t }]'
    const begun = cpuMs()
    expect(relabelled(rules, { a: 'x'.repeat(5000) })).toEqual({})
    expect(cpuMs() - begun).toBeLessThan(2000)
  })
})
