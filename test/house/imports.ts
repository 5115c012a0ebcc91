// Reads the imports of every source file: what a file imports, on which line, types only or not. Text, not the compiler: quick, and
// type-only imports count too, since a floor that only shares types is still a floor above.

import { readdirSync, readFileSync } from 'node:fs'
import * as path from 'node:path'

export type Import = {
  /** Path of the importing file, relative to the project, with `/`. */
  readonly from: string
  readonly line: number
  readonly text: string
  /** Relative to the project for the house's own files, else the package or `node:` name. */
  readonly to: string
  readonly own: boolean
  readonly dynamic: boolean
}

export const sourceFolders = ['core', 'agent', 'server', 'native/host', 'cli', 'bench'] as const

export function sourceFiles(root: string, folders: readonly string[] = sourceFolders): readonly string[] {
  const out: string[] = []
  const walk = (folder: string): void => {
    let entries: import('node:fs').Dirent[]
    try {
      entries = readdirSync(path.join(root, folder), { withFileTypes: true })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
      throw error
    }
    for (const entry of entries) {
      const file = `${folder}/${entry.name}`
      if (entry.isDirectory()) {
        if (entry.name !== 'node_modules' && entry.name !== 'peers') walk(file)
      } else if (entry.name.endsWith('.ts') && !entry.name.endsWith('.d.ts')) out.push(file)
    }
  }
  for (const folder of folders) walk(folder)
  return out.sort()
}

const pattern =
  /(?:^|[\s;])(?:import|export)\s[^'"`;]*?\bfrom\s*['"]([^'"]+)['"]|(?:^|[\s;])import\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/g

export function importsOf(file: string, text: string): readonly Import[] {
  const out: Import[] = []
  // Comments may hold code; blank them, keeping the lines.
  const code = text.replace(/\/\*[\s\S]*?\*\/|(?<=^|[^:'"`\\])\/\/[^\n]*/g, (comment) => comment.replace(/[^\n]/g, ' '))
  for (const match of code.matchAll(pattern)) {
    const target = match[1] ?? match[2] ?? match[3]!
    const own = target.startsWith('.')
    const at = match.index + match[0].length
    out.push({
      from: file,
      line: code.slice(0, at).split('\n').length,
      text: match[0].trim().split('\n').at(-1)!.trim(),
      to: own ? path.posix.normalize(path.posix.join(path.posix.dirname(file), target)) : target,
      own,
      dynamic: match[3] !== undefined,
    })
  }
  return out
}

export function allImports(root: string): readonly Import[] {
  return sourceFiles(root).flatMap((file) => importsOf(file, readFileSync(path.join(root, file), 'utf8')))
}

export const where = (one: Import): string => `${one.from}:${one.line}: ${one.text}`
