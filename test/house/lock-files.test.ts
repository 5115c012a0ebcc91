// A lock file made on one platform may leave out what only others install; `npm ci` then refuses it everywhere. The peers of benches and tests on
// real parts are left out: they are installed without optional packages, on the one platform that they run on.

import { readFileSync } from 'node:fs'
import * as path from 'node:path'
import { expect, it } from 'vitest'

const root = path.resolve(import.meta.dirname, '../..')
type Locked = {
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optional?: boolean
  readonly devOptional?: boolean
  readonly extraneous?: boolean
  readonly os?: readonly string[]
}

/** Where Node would look for a package that `from` asks for: its own folder first, then upwards. */
function found(packages: Readonly<Record<string, Locked>>, from: string, name: string): boolean {
  for (let at = from; ; at = at.slice(0, Math.max(0, at.lastIndexOf('node_modules/') - 1))) {
    if (`${at === '' ? '' : `${at}/`}node_modules/${name}` in packages) return true
    if (at === '') return false
  }
}

it.each(['.'])('the lock file of %s knows every package of every platform', (folder) => {
  const text = readFileSync(path.join(root, folder, 'package-lock.json'), 'utf8')
  const { packages } = JSON.parse(text) as { packages: Readonly<Record<string, Locked>> }
  const missing = Object.entries(packages).flatMap(([from, { dependencies = {}, optionalDependencies = {} }]) =>
    Object.keys({ ...dependencies, ...optionalDependencies }).flatMap((name) =>
      found(packages, from, name) ? [] : [`${from} → ${name}`],
    ),
  )
  expect(missing).toEqual([])
  // What only some platforms can install must not stop the others.
  const bound = Object.entries(packages).filter(
    ([, one]) => one.os !== undefined && !(one.optional || one.devOptional || one.extraneous),
  )
  expect(bound.map(([name]) => name)).toEqual([])
})
