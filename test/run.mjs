// `npm test`: builds, then the unit tests, then the acceptance tests with the real processes; one line at the end says how it went.

import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import * as path from 'node:path'
import { fileURLToPath } from 'node:url'

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const run = (args) => spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' }).status ?? 1

if (run([path.join(root, 'native/prepare.mjs'), '--force']) !== 0) process.exit(1)

const suites = process.argv.includes('--unit')
  ? ['vitest.config.ts']
  : ['vitest.config.ts', 'vitest.acceptance.config.ts']
const reports = mkdtempSync(path.join(tmpdir(), 'iw-report-'))
let passed = 0
let failed = 0
for (const suite of suites) {
  const report = path.join(reports, `${suite}.json`)
  const status = run([
    path.join(root, 'node_modules/vitest/vitest.mjs'),
    'run',
    '--config',
    suite,
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
  ])
  let result = { numPassedTests: 0, numFailedTests: 0 }
  try {
    result = JSON.parse(readFileSync(report, 'utf8'))
  } catch {
    process.stderr.write(`no report of ${suite}\n`)
  }
  passed += result.numPassedTests
  // A suite that failed without a failed test (it did not load, or an error escaped) counts as one.
  failed += status !== 0 && result.numFailedTests === 0 ? 1 : result.numFailedTests
}
rmSync(reports, { recursive: true, force: true })
process.stdout.write(`${passed} passed, ${failed} failed\n`)
process.exit(failed === 0 && passed > 0 ? 0 : 1)
