// Lines of code per room, comments and blank lines included: TypeScript and JavaScript on one side, C++ and CUDA on the other.

import { readdirSync, readFileSync } from 'node:fs'
import * as path from 'node:path'

export type RoomLines = { readonly room: string; readonly language: 'TypeScript' | 'C++'; readonly lines: number }

const folders = [
  'core',
  'agent',
  'server',
  'native',
  'kernels',
  'cli',
  'dashboards',
  'alerts',
  'bench',
  'test',
] as const
/** Built, downloaded or generated: not code of the house. */
const foreign = new Set(['node_modules', 'build', 'dist', 'peers', 'fixtures'])

const languageOf = (file: string): RoomLines['language'] | null =>
  /\.(?:ts|mjs|js)$/.test(file) ? 'TypeScript' : /\.(?:cc|h|cu|cuh)$/.test(file) ? 'C++' : null

/** `core/base`, `server/http`, `agent` for files on the top floor of a program. */
export function roomOf(file: string): string {
  const parts = file.split('/')
  return parts.length > 2 ? `${parts[0]}/${parts[1]}` : parts[0]!
}

export function linesPerRoom(root: string): readonly RoomLines[] {
  const found = new Map<string, RoomLines>()
  const walk = (folder: string): void => {
    for (const entry of readdirSync(path.join(root, folder), { withFileTypes: true })) {
      const file = `${folder}/${entry.name}`
      if (entry.isDirectory()) {
        if (!foreign.has(entry.name)) walk(file)
        continue
      }
      const language = languageOf(entry.name)
      if (language === null) continue
      const room = roomOf(file)
      const lines = (found.get(`${room} ${language}`)?.lines ?? 0) + lineCount(path.join(root, file))
      found.set(`${room} ${language}`, { room, language, lines })
    }
  }
  const there = new Set(readdirSync(root))
  for (const folder of folders) if (there.has(folder)) walk(folder)
  return [...found.values()].sort((a, b) => (a.room < b.room ? -1 : a.room > b.room ? 1 : b.lines - a.lines))
}

function lineCount(file: string): number {
  const bytes = readFileSync(file)
  let lines = bytes.length > 0 && bytes.at(-1) !== 10 ? 1 : 0
  for (const byte of bytes) if (byte === 10) lines++
  return lines
}
