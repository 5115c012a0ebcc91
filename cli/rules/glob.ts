// Files that a pattern names, as Go's `filepath.Glob`: `*`, `?` and `[a-z]` inside one part of a path each, sorted; a pattern that is none of a kind
// names the file of that name.

import { existsSync, readdirSync } from 'node:fs'
import * as path from 'node:path'

export function glob(pattern: string, directory: string): readonly string[] {
  const full = path.resolve(directory, pattern)
  const { root } = path.parse(full)
  let found: string[] = [root]
  for (const part of path.relative(root, full).split(path.sep)) {
    const test = /[*?[]/.test(part) ? matcher(part) : null
    found = found.flatMap((folder) =>
      test === null
        ? [path.join(folder, part)]
        : names(folder)
            .filter((name) => test.test(name))
            .map((name) => path.join(folder, name)),
    )
  }
  return found.filter((file) => existsSync(file)).sort()
}

function matcher(part: string): RegExp {
  const source = part.replace(/\[(\^?)([^\]\\]+)\]|\*|\?|[.+^${}()|[\]\\]/g, (sign, not: string, set?: string) => {
    if (set !== undefined) return `[${not}${set.replace(/[[\]\\]/g, '\\$&')}]`
    return sign === '*' ? '.*' : sign === '?' ? '.' : `\\${sign}`
  })
  return new RegExp(`^${source}$`, 's')
}

function names(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch {
    return [] // no such folder: nothing matches there
  }
}
