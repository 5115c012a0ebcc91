// What `npm ci` runs at its end, and `npm run build`: TypeScript to dist, then the engine's addon. Without the development dependencies an
// existing build is kept; without either, it says what is missing. Works with `--ignore-scripts` followed by `npm run build`.

import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import * as path from 'node:path'
import { fileURLToPath } from 'node:url'
import { BuildError, buildNative } from './build.mjs'

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const require = createRequire(import.meta.url)
const force = process.argv.includes('--force')
const built =
  existsSync(path.join(root, 'dist/cli/main.js')) && existsSync(path.join(root, 'native/build/inferward.node'))

function typescript() {
  try {
    return require.resolve('typescript/bin/tsc')
  } catch {
    return null
  }
}

const tsc = typescript()
if (tsc === null) {
  if (built && !force) {
    process.stderr.write('inferward: development dependencies are absent, the existing build is kept\n')
    process.exit(0)
  }
  process.stderr.write(
    'inferward: cannot build: typescript is not installed. Run `npm ci` without --omit=dev, then `npm run build`.\n',
  )
  process.exit(1)
}

const compiled = spawnSync(process.execPath, [tsc, '-p', path.join(root, 'tsconfig.build.json')], {
  stdio: ['ignore', 2, 2],
  cwd: root,
})
if (compiled.status !== 0) process.exit(compiled.status ?? 1)
try {
  await buildNative({ log: (line) => process.stderr.write(`${line}\n`) })
} catch (error) {
  if (!(error instanceof BuildError)) throw error
  process.stderr.write(`inferward: ${error.message}\n`)
  process.exit(1)
}
