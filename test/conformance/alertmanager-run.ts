// One Alertmanager configuration: does it load, and if not, for the reason that Alertmanager has; do alerts go to the receivers that amtool says.
// The verdict comes from the table of upstream's own files, and from amtool where it is installed and knows the keys of the file.

import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import * as path from 'node:path'
import { parse, stringify } from 'yaml'
import { buildRoutes, matchRoutes, type Route } from '../../server/dispatch/route.ts'
import { type AlertmanagerConfig, loadAlertmanagerConfig } from '../../server/notify/config.ts'
import { type Reason, reasonsIn, verdictOf } from './alertmanager-verdicts.ts'

type Labels = Readonly<Record<string, string>>

function find(name: string): string | null {
  const places = (process.env.PATH ?? '').split(path.delimiter).map((folder) => path.join(folder, name))
  return places.find((file) => existsSync(file)) ?? null
}

export const amtool = find('amtool')
/** More label sets than this say nothing new about one tree. */
const maxCases = 60

export function runAlertmanager(
  name: string,
  text: string,
  file: string,
): { readonly passed: number; readonly failed: readonly string[]; readonly skipped: readonly string[] } {
  const failed: string[] = []
  const skipped: string[] = []
  let passed = 0
  const judge = (what: string, fault: string | null): void => {
    if (fault === null) passed++
    else failed.push(`${name}: ${what}: ${fault}`)
  }
  const ours = load(name, text)
  const wanted = verdictOf(name)
  if (wanted !== undefined) judge('verdict', against(ours, wanted === null ? null : [wanted]))
  const theirs = amtool === null ? null : amtoolVerdict(file)
  if (theirs === null) skipped.push(`${name} amtool's verdict (amtool is not installed)`)
  else {
    const older = olderThan(theirs, wanted, ours.fault)
    if (older !== null) skipped.push(`${name} amtool's verdict (${older})`)
    else judge("amtool's verdict", against(ours, theirs === '' ? null : reasonsIn(theirs, 'theirs')))
  }
  if (ours.config === null) return { passed, failed, skipped }

  const root = buildRoutes(ours.config.route, ours.config.intervals)
  const cases = labelSets(root)
  if (theirs === null) {
    skipped.push(`${name} ${cases.length} routing tests (amtool is not installed)`)
    return { passed, failed, skipped }
  }
  withLoadable(file, text, theirs, (loadable) => {
    for (const labels of cases) {
      const mine = matchRoutes(root, labels).map((route) => route.receiver)
      const said = amtoolReceivers(loadable, labels)
      const same = mine.join(',') === said
      judge(`receivers of ${JSON.stringify(labels)}`, same ? null : `we say ${mine.join(',')}, amtool says ${said}`)
    }
  })
  return { passed, failed, skipped }
}

/** Why what amtool says is no measure: its version is older than the file, or than what upstream says of it. Null: it is one. */
function olderThan(theirs: string, wanted: Reason | null | undefined, ours: string | null): string | null {
  const key = theirs.match(/field (\w+) not found in type/)?.[1]
  // A key that came after this amtool is no fault; one that is unknown to both is.
  if (key !== undefined && !(ours ?? '').includes('unknown key')) return `this amtool does not know ${key}`
  if (wanted === undefined) return null
  const agree = wanted === null ? theirs === '' : reasonsIn(theirs, 'theirs').includes(wanted)
  return agree ? null : `this amtool is older than the file: it says "${theirs.slice(0, 100)}"`
}

/** The file itself where this amtool loads it, else its routes with the names of its receivers alone. */
function withLoadable(file: string, text: string, theirs: string, work: (loadable: string) => void): void {
  if (theirs === '') return work(file)
  const folder = mkdtempSync(path.join(tmpdir(), 'iw-amtool-'))
  try {
    const { route, receivers } = parse(text) as { route: object; receivers: readonly { name: string }[] }
    const bare = JSON.parse(JSON.stringify(route, (key, value) => (key === 'labels' ? undefined : value)))
    const loadable = path.join(folder, 'routes.yml')
    writeFileSync(loadable, stringify({ route: bare, receivers: receivers.map(({ name }) => ({ name })) }))
    work(loadable)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

type Loaded =
  | { readonly config: AlertmanagerConfig; readonly fault: null }
  | { readonly config: null; readonly fault: string }

/** Alertmanager reads the files of secrets when it sends, so a missing one says nothing of the configuration: each holds a placeholder. */
function load(name: string, text: string): Loaded {
  try {
    const readFile = (): string => 'https://example.invalid/placeholder'
    return { config: loadAlertmanagerConfig({ file: name, text, readFile, environment: {} }), fault: null }
  } catch (error) {
    return { config: null, fault: (error as Error).message }
  }
}

/** `expected`: null = it loads; else any of these reasons. Null when we agree. */
export function against(ours: Pick<Loaded, 'fault'>, expected: readonly string[] | null): string | null {
  if (expected === null) return ours.fault === null ? null : `refused: ${ours.fault}`
  if (ours.fault === null) return `loads, and should be refused: ${expected.join(' or ')}`
  const found: readonly string[] = reasonsIn(ours.fault, 'ours')
  return expected.some((one) => found.includes(one)) ? null : `refused for ${found}, not ${expected}: ${ours.fault}`
}

/** Empty when it loads. */
function amtoolVerdict(file: string): string {
  const { status, stdout, stderr } = spawnSync(amtool!, ['check-config', file], { encoding: 'utf8' })
  if (status === 0) return ''
  return `${stdout}${stderr}`
    .replace(/^.*?FAILED: /s, '')
    .replace(/amtool: error:.*$/s, '')
    .trim()
}

function amtoolReceivers(file: string, labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}=${JSON.stringify(value)}`)
  const args = ['config', 'routes', 'test', `--config.file=${file}`, ...pairs]
  const { status, stdout, stderr } = spawnSync(amtool!, args, { encoding: 'utf8' })
  return status === 0 ? stdout.trim() : `status ${status}: ${stderr.trim()}`
}

/**
 * Label sets that reach every route, and such that just miss: for each route the values that its matchers and those above it ask for, then the
 * same with one label gone or another value.
 */
export function labelSets(root: Route): readonly Labels[] {
  const out = new Map<string, Labels>()
  const add = (labels: Labels): void => {
    const sorted = Object.fromEntries(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)))
    if (out.size < maxCases) out.set(JSON.stringify(sorted), sorted)
  }
  const visit = (route: Route, above: Labels): void => {
    const mine: Record<string, string> = { ...above }
    for (const matcher of route.matchers) {
      const value = samples(matcher.value).find((one) => matcher.matches({ ...mine, [matcher.name]: one }))
      if (value !== undefined) mine[matcher.name] = value
    }
    add(mine)
    for (const name of Object.keys(mine)) {
      const { [name]: _, ...rest } = mine
      add(rest)
      add({ ...mine, [name]: `${mine[name]}x` })
    }
    for (const child of route.children) visit(child, mine)
  }
  add({ alertname: 'Any' })
  visit(root, {})
  return [...out.values()].filter((labels) => Object.keys(labels).length > 0)
}

/** Texts that a value, or a simple pattern, may stand for. */
function samples(value: string): readonly string[] {
  const bare = value.replace(/^\^?\(?(?:\?:)?|\)?\$?$/g, '')
  const chosen = bare.split('|').map((one) =>
    one
      .replace(/\[(.)[^\]]*\]/g, '$1')
      .replace(/\.[*+]/g, 'x')
      .replace(/\\/g, ''),
  )
  return [value, ...chosen, 'other', '']
}
