// `inferward version`.

import { readFileSync } from 'node:fs'
import * as path from 'node:path'
import { Command } from 'commander'
import { projectRoot } from '../../core/base/entry.ts'

export function versionCommand(): Command {
  return new Command('version')
    .description('print the version')
    .option('--json', 'as JSON')
    .action((flags: { json?: boolean }) => {
      const text = readFileSync(path.join(projectRoot, 'package.json'), 'utf8')
      const { version } = JSON.parse(text) as { version: string }
      const line = flags.json ? JSON.stringify({ version, node: process.versions.node }) : `inferward ${version}`
      process.stdout.write(`${line}\n`)
    })
}
