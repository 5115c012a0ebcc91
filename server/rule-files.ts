// Which rule files are in force: the default pack, presets by name, and the user's own patterns. A pattern that matches nothing is a fault: it
// is more often a typing error than an empty folder.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import * as path from 'node:path'
import { projectRoot } from '../core/base/entry.ts'
import { errorText, exitCodes, InferwardError, systemCode } from '../core/base/errors.ts'
import type { ServerConfig } from './config.ts'
import type { RuleText } from './tsdb/store-client.ts'

const packs = path.join(projectRoot, 'alerts')

function fault(message: string, hint: string, cause?: unknown): InferwardError {
  return new InferwardError({ code: 'config.rule_files', message, hint, exitCode: exitCodes.config, cause })
}

/** Texts of all files, named by their absolute paths. Throws `config.rule_files`. */
export function readRuleFiles(config: ServerConfig, directory: string): readonly RuleText[] {
  const files = new Set<string>()
  if (config.default_rules) files.add(path.join(packs, 'default.yml'))
  for (const name of config.rule_presets) files.add(presetFile(name))
  for (const pattern of config.rule_files) for (const file of expand(path.resolve(directory, pattern))) files.add(file)
  return [...files].map((file) => {
    try {
      return { file, text: readFileSync(file, 'utf8') }
    } catch (error) {
      throw fault(
        `rule file ${file} cannot be read (${systemCode(error) ?? errorText(error)})`,
        'Check rule_files and the rights of the file.',
        error,
      )
    }
  })
}

function presetFile(name: string): string {
  const file = path.join(packs, 'presets', `${name}.yml`)
  if (existsSync(file)) return file
  const known = readdirSync(path.join(packs, 'presets')).flatMap((one) => /^(.+)\.yml$/.exec(one)?.[1] ?? [])
  throw fault(`rule_presets: there is no preset "${name}"`, `Presets: ${known.join(', ')}.`)
}

/** `*` and `?` inside one name of the path each. */
function expand(pattern: string): readonly string[] {
  let found: string[] = [path.parse(pattern).root]
  for (const part of path.relative(found[0]!, pattern).split(path.sep)) {
    if (!/[*?]/.test(part)) {
      found = found.map((folder) => path.join(folder, part))
      continue
    }
    const source = part
      .replace(/[.+^${}()|[\]\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.')
    const name = new RegExp(`^${source}$`)
    found = found.flatMap((folder) =>
      names(folder)
        .filter((one) => name.test(one) && (part.startsWith('.') || !one.startsWith('.')))
        .map((one) => path.join(folder, one)),
    )
  }
  found = found.filter((file) => existsSync(file))
  if (found.length > 0) return found.sort()
  throw fault(`rule_files: nothing matches ${pattern}`, 'Paths are relative to the configuration file.')
}

function names(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch {
    return [] // no such folder: nothing matches there
  }
}
