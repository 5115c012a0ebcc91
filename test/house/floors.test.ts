// The law of the house, checked by a machine: imports go down only, agent and server never meet, packages are seen only where they belong.

import { readFileSync } from 'node:fs'
import * as path from 'node:path'
import { describe, expect, it } from 'vitest'
import { allImports, type Import, importsOf, sourceFiles, where } from './imports.ts'

const root = path.resolve(import.meta.dirname, '../..')
const imports = allImports(root)

/** Room of a file: `core/base`, `server/alert`, `native/host`, or the file itself on the top floor of a program. */
function room(file: string): string {
  const parts = file.split('/')
  return parts.length > 2 ? `${parts[0]}/${parts[1]}` : file
}

const floors: Readonly<Record<string, number>> = {
  'core/base': 0,
  'core/sample': 1,
  'core/event': 1,
  'core/segment': 1,
  'core/wire': 1,
  'core/series': 2,
  'core/promql': 2,
  'core/snapshot': 2,
  'core/rules': 3,
  'core/repair': 3,
  'native/host': 4,
  'server/db': 5,
  'server/session': 5,
  'server/http': 5,
  'server/telemetry': 5,
}

function floor(file: string): number {
  const name = room(file)
  const known = floors[name]
  if (known !== undefined) return known
  if (/^(?:agent|server)\/[^/]+$/.test(name) && !name.endsWith('.ts')) return 4
  if (/^(?:agent|server|cli|bench)\//.test(name) || name.startsWith('cli') || name.startsWith('bench')) return 6
  throw new Error(`${file} stands in no room: name its floor in this test`)
}

/** Siblings of one floor that may see each other (DESIGN: `alert ← dispatch ← notify`). */
const siblings = new Set([
  'server/dispatch → server/alert',
  'server/notify → server/dispatch',
  'server/notify → server/alert',
])

const own = imports.filter((one) => one.own)

function broken(rule: (one: Import) => boolean): readonly string[] {
  return imports.filter((one) => !rule(one)).map(where)
}

describe('the house', () => {
  it('has a floor for every source file', () => {
    expect(sourceFiles(root).map(floor).length).toBeGreaterThan(0)
  })

  it('imports go down only; rooms of one floor meet in a seam', () => {
    const faults = own.filter((one) => {
      if (room(one.from) === room(one.to)) return false
      const up = floor(one.from)
      const down = floor(one.to)
      if (down < up || (up === 6 && down === 6)) return false
      if (up === down && one.to.endsWith('/seam.ts')) return false
      return !siblings.has(`${room(one.from)} → ${room(one.to)}`)
    })
    expect(faults.map(where)).toEqual([])
  })

  it('agent, server and the engine process never import each other', () => {
    const program = (file: string): string => file.split('/')[0]!
    const faults = own.filter((one) => {
      const [from, to] = [program(one.from), program(one.to)]
      return ['agent', 'server', 'native'].includes(from) && to !== from && to !== 'core'
    })
    expect(faults.map(where)).toEqual([])
  })

  it('core imports no program and no socket, process or file, but for its file layer', () => {
    const pure = /^node:(?:crypto|zlib|buffer|util|path|url)$/
    const allowed = new Set(['core/base/node-file-layer.ts', 'core/base/entry.ts'])
    const faults = imports.filter((one) => {
      if (!one.from.startsWith('core/')) return false
      if (one.own) return !one.to.startsWith('core/')
      return one.to.startsWith('node:') && !pure.test(one.to) && !(allowed.has(one.from) && one.to === 'node:fs')
    })
    expect(faults.map(where)).toEqual([])
  })

  it.each([
    { name: 'drizzle and pg', packages: /^(?:drizzle-orm|drizzle-kit|pg)(?:\/|$)/, seen: /^server\/db\// },
    { name: 'express', packages: /^express$/, seen: /^server\/(?:http|gateway)\// },
    { name: 'nodemailer', packages: /^nodemailer(?:\/|$)/, seen: /^server\/notify\/channel\/email\.ts$/ },
    { name: 'node-cron', packages: /^node-cron$/, seen: /^(?:server|agent)\/schedule\.ts$/ },
    { name: 'the Elasticsearch client', packages: /^@elastic\//, seen: /\/logs\/elastic-/ },
    { name: 'OpenTelemetry', packages: /^@opentelemetry\//, seen: /^server\/telemetry\// },
    { name: 'the engine binding', packages: /inferward\.node$/, seen: /^native\/host\// },
  ])('only its room sees $name', ({ packages, seen }) => {
    expect(broken((one) => !packages.test(one.to) || seen.test(one.from))).toEqual([])
  })

  it('loads OpenTelemetry and the Elasticsearch client only when they are needed', () => {
    expect(broken((one) => !/^@(?:opentelemetry\/sdk|elastic)/.test(one.to) || one.dynamic)).toEqual([])
  })

  it('the gateway imports core and itself only', () => {
    expect(
      own
        .filter((one) => one.from.startsWith('server/gateway/') && !/^(?:core|server\/gateway)\//.test(one.to))
        .map(where),
    ).toEqual([])
  })

  it('has no cycle between files', () => {
    const graph = new Map<string, string[]>()
    for (const one of own) graph.set(one.from, [...(graph.get(one.from) ?? []), one.to])
    expect(cycle(graph)).toBeNull()
  })

  it('has no barrel', () => {
    expect(sourceFiles(root).filter((file) => /\/index\.ts$/.test(file))).toEqual([])
  })

  it('keeps the programs lists: app.ts is at most 250 lines', () => {
    for (const file of ['server/app.ts', 'agent/app.ts']) {
      const lines = readFileSync(path.join(root, file), 'utf8').split('\n').length
      expect(lines, file).toBeLessThanOrEqual(250)
    }
  })
})

describe('the reader of imports', () => {
  it('sees static, type-only, re-exported, bare and dynamic imports with their lines, and no comments', () => {
    const text = [
      "import { a } from './a.ts'",
      "import type { B } from '../core/b.ts'",
      "export { c } from './c.ts'",
      "import 'side'",
      "// import { no } from './no.ts'",
      "const d = await import('lazy')",
      'import {',
      '  e,',
      "} from './e.ts'",
    ].join('\n')
    expect(importsOf('server/x.ts', text).map((one) => [one.line, one.to, one.dynamic])).toEqual([
      [1, 'server/a.ts', false],
      [2, 'core/b.ts', false],
      [3, 'server/c.ts', false],
      [4, 'side', false],
      [6, 'lazy', true],
      [9, 'server/e.ts', false],
    ])
  })
})

function cycle(graph: ReadonlyMap<string, readonly string[]>): readonly string[] | null {
  const done = new Set<string>()
  const visit = (file: string, trail: readonly string[]): readonly string[] | null => {
    const at = trail.indexOf(file)
    if (at >= 0) return [...trail.slice(at), file]
    if (done.has(file)) return null
    for (const next of graph.get(file) ?? []) {
      const found = visit(next, [...trail, file])
      if (found !== null) return found
    }
    done.add(file)
    return null
  }
  for (const file of graph.keys()) {
    const found = visit(file, [])
    if (found !== null) return found
  }
  return null
}
