// `npm run test:real`: the suites that need more than Node and a compiler. Installs the peers, says which real parts ran, and sums up. Names behind
// `--` run only the suites whose file has one of them in its name.

import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import * as path from 'node:path'
import { fileURLToPath } from 'node:url'

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..')
const peers = path.join(root, 'bench/peers')
if (!existsSync(path.join(peers, 'node_modules/node-llama-cpp'))) {
  const installed = spawnSync('npm', ['install', '--omit=optional', '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: peers,
    stdio: 'inherit',
  })
  if (installed.status !== 0) process.stdout.write('real parts: the peer engine could not be installed\n')
}
const peer = existsSync(path.join(peers, 'node_modules/node-llama-cpp'))
process.stdout.write(`real parts: node-llama-cpp ${peer ? 'runs' : 'absent'}\n`)

// Other servers of the Prometheus API, from the distribution where that is possible; their services are not wanted.
const packages = ['prometheus', 'prometheus-alertmanager', 'victoria-metrics']
const onPath = (name) => spawnSync('sh', ['-c', `command -v ${name}`]).status === 0
const wanted = packages.filter((name) => !onPath(name))
if (wanted.length > 0 && process.getuid?.() === 0 && onPath('apt-get')) {
  const quiet = { stdio: 'ignore' }
  for (const name of wanted) {
    spawnSync('apt-get', ['install', '-y', '--no-install-recommends', name], quiet)
    spawnSync('systemctl', ['disable', '--now', name], quiet)
  }
}
for (const name of [...packages, 'promtool', 'amtool'])
  process.stdout.write(`real parts: ${name} ${onPath(name) ? 'runs' : 'absent'}\n`)

const folder = mkdtempSync(path.join(tmpdir(), 'iw-real-'))
const report = path.join(folder, 'report.json')
const status = spawnSync(
  process.execPath,
  [
    path.join(root, 'node_modules/vitest/vitest.mjs'),
    'run',
    '--config',
    'vitest.real.config.ts',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
    ...process.argv.slice(2),
  ],
  { cwd: root, stdio: 'inherit' },
).status
const result = existsSync(report) ? JSON.parse(readFileSync(report, 'utf8')) : { numPassedTests: 0, numFailedTests: 0 }
rmSync(folder, { recursive: true, force: true })
const failed = status !== 0 && result.numFailedTests === 0 ? 1 : result.numFailedTests
process.stdout.write(`${result.numPassedTests} passed, ${failed} failed\n`)
process.exit(failed === 0 && result.numPassedTests > 0 ? 0 : 1)
