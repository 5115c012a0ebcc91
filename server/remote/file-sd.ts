// Targets that stand in files, which other programs write. A file that cannot be read or understood keeps the targets that it had: half a file is no
// reason to forget a fleet.

import { readdirSync, readFileSync } from 'node:fs'
import * as path from 'node:path'
import { parse } from 'yaml'
import { z } from 'zod'
import { errorText } from '../../core/base/errors.ts'
import { targetGroup } from './scrape-config.ts'
import type { FoundGroup } from './targets.ts'

export type FileTargets = {
  /** Reads all files again. */
  refresh(): readonly FoundGroup[]
  /** Files that could not be read when last looked at, with the reason. */
  readonly faults: ReadonlyMap<string, string>
}

const groups = z.array(targetGroup).max(100_000).nullable()
const maxLength = 32 << 20

export function openFileTargets(patterns: readonly string[], directory: string): FileTargets {
  let known = new Map<string, readonly FoundGroup[]>()
  const faults = new Map<string, string>()
  return {
    refresh() {
      const next = new Map<string, readonly FoundGroup[]>()
      faults.clear()
      for (const pattern of patterns) {
        for (const file of expand(path.resolve(directory, pattern))) {
          try {
            next.set(file, readGroups(file))
          } catch (error) {
            faults.set(file, errorText(error).slice(0, 500))
            const before = known.get(file)
            if (before !== undefined) next.set(file, before)
          }
        }
      }
      known = next
      return [...known.values()].flat()
    },
    faults,
  }
}

function readGroups(file: string): readonly FoundGroup[] {
  const text = readFileSync(file, 'utf8')
  if (text.length > maxLength) throw new Error(`${text.length} characters, at most ${maxLength}`)
  const result = groups.safeParse(file.endsWith('.json') ? JSON.parse(text) : parse(text, { maxAliasCount: 50 }))
  if (result.success) return (result.data ?? []).map((group) => ({ ...group, source: file }))
  const [issue] = result.error.issues
  throw new Error(`${issue?.path.map(String).join('.') ?? ''}: ${issue?.message ?? 'not a list of targets'}`)
}

/** `*` in the last part only. A name without one is there even when the file is not: that it is missing is a fault to tell. */
function expand(pattern: string): readonly string[] {
  const { dir, base } = path.parse(pattern)
  if (!base.includes('*')) return [pattern]
  const name = new RegExp(`^${base.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*')}$`)
  try {
    return readdirSync(dir)
      .filter((one) => name.test(one) && !one.startsWith('.'))
      .sort()
      .map((one) => path.join(dir, one))
  } catch {
    return [] // a folder that is not there yet holds no targets
  }
}
