#!/usr/bin/env node
// The `inferward` command. Builds once when `dist` is absent, then hands over: the long-running programs run in this very process.

import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const at = (path) => fileURLToPath(new URL(path, import.meta.url))
const [major, minor] = process.versions.node.split('.').map(Number)
if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(`inferward needs Node 20.19 or newer, this is ${process.versions.node}\n`)
  process.exit(1)
}

if (!existsSync(at('../dist/cli/main.js'))) {
  process.stderr.write('inferward: not built yet, building (this happens once)\n')
  const built = spawnSync(process.execPath, [at('../native/prepare.mjs'), '--force'], { stdio: ['ignore', 2, 2] })
  if (built.status !== 0) process.exit(built.status ?? 1)
}

// A log on a full disk, or a reader that left: words get lost, the program goes on.
process.stderr.on('error', () => {})

const programs = { server: '../dist/server/main.js', agent: '../dist/agent/main.js' }
const program = programs[process.argv[2]]
if (program !== undefined && !process.argv.includes('--help')) {
  process.argv.splice(2, 1)
  await import(program)
} else {
  await import('../dist/cli/main.js')
}
