// `npm run conformance -- SUITE DIR`: runs upstream's data files against ours. Prints failures and what was skipped, by name and reason; the
// last line is `N passed, N failed, N skipped`, and the exit code is 1 when anything failed or nothing was run.

import { readdirSync, readFileSync } from 'node:fs'
import * as path from 'node:path'
import process from 'node:process'
import { errorText } from '../../core/base/errors.ts'
import { runAlertmanager } from './alertmanager-run.ts'
import { runScript } from './promql-run.ts'
import { runRuleFile } from './rules-run.ts'

type Report = { readonly passed: number; readonly failed: readonly string[]; readonly skipped: readonly string[] }
type Suite = { readonly files: RegExp; readonly run: (name: string, text: string, file: string) => Report }

const suites: Readonly<Record<string, Suite>> = {
  promql: { files: /\.test$/, run: runScript },
  promtool: { files: /\.ya?ml$/, run: runRuleFile },
  rules: { files: /\.ya?ml$/, run: runRuleFile },
  alertmanager: { files: /\.yml$/, run: runAlertmanager },
}

function main([name = '', folder = '']: readonly string[]): number {
  const suite = Object.hasOwn(suites, name) ? suites[name] : undefined
  if (suite === undefined || folder === '') {
    console.error(`usage: conformance SUITE DIR, where SUITE is one of: ${Object.keys(suites).join(', ')}`)
    return 2
  }
  let files: readonly string[]
  try {
    files = readdirSync(folder).filter((file) => suite.files.test(file))
  } catch (error) {
    console.error(`cannot read ${folder}: ${errorText(error)}`)
    return 2
  }
  const total = { passed: 0, failed: 0, skipped: 0 }
  for (const file of [...files].sort()) {
    const report = runFile(suite, file, path.join(folder, file))
    for (const text of report.skipped) console.log(`skipped ${text}`)
    for (const text of report.failed) console.log(`failed  ${text}`)
    console.log(`${file}: ${report.passed} passed, ${report.failed.length} failed, ${report.skipped.length} skipped`)
    total.passed += report.passed
    total.failed += report.failed.length
    total.skipped += report.skipped.length
  }
  console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`)
  return total.failed > 0 || total.passed + total.skipped === 0 ? 1 : 0
}

/** A file that cannot be read as a script is one failure. */
function runFile(suite: Suite, name: string, file: string): Report {
  try {
    return suite.run(name, readFileSync(file, 'utf8'), file)
  } catch (error) {
    return { passed: 0, failed: [`${name}: ${errorText(error)}`], skipped: [] }
  }
}

process.exitCode = main(process.argv.slice(2))
