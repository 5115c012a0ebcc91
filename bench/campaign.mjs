#!/usr/bin/env node
// `npm run campaign -- NAME [--n N] [--seed S]`. Builds once when `dist` is absent, then hands over to the compiled runner.

import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const at = (path) => fileURLToPath(new URL(path, import.meta.url))
if (!existsSync(at('../dist/bench/campaign/run.js'))) {
  process.stderr.write('campaign: not built yet, building (this happens once)\n')
  const built = spawnSync(process.execPath, [at('../native/prepare.mjs'), '--force'], { stdio: ['ignore', 2, 2] })
  if (built.status !== 0) process.exit(built.status ?? 1)
}
await import('../dist/bench/campaign/run.js')
