// The pages that a new user follows word by word: every file that they name is in the box or made on the same page before, no command hits more
// than it says, and both languages have the same commands.

import { existsSync, readFileSync } from 'node:fs'
import * as path from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { agentConfig } from '../../agent/config.ts'
import { serverConfig } from '../../server/config.ts'

const root = path.resolve(import.meta.dirname, '../..')
const pages = ['README.md', 'README.zh-CN.md', 'docs/quickstart.md', 'docs/quickstart.zh-CN.md']
type Block = { readonly language: string; readonly text: string }

function blocks(page: string): readonly Block[] {
  const text = readFileSync(path.join(root, page), 'utf8')
  return [...text.matchAll(/```(sh|yaml)\n([\s\S]*?)```/g)].map(([, language, body]) => ({
    language: language!,
    text: body!,
  }))
}
const bare = (text: string): string => text.replace(/(?:^|\s)#.*$/gm, '').replace(/[ \t]+$/gm, '')

/** Files that a block names: by an ending that only files have. */
const named = (text: string): readonly string[] =>
  [...bare(text).matchAll(/(?<![\w/.:*-])(?:[\w*-]+\/)*[\w*-]+\.(?:yml|gguf|url|secret|key|token)\b/g)].map(
    ([name]) => name,
  )
const made = (text: string): readonly string[] => [...text.matchAll(/> (\S+)/g)].map(([, name]) => name!)

describe.each(pages)('%s', (page) => {
  it('names no file that is neither in the box nor made before', () => {
    // What the first start makes.
    const there = new Set(['data/admin.token', 'data/agent.token'])
    const missing: string[] = []
    for (const { text } of blocks(page)) {
      for (const name of made(text)) there.add(name)
      for (const name of named(text)) {
        const pattern = new RegExp(`^${name.replaceAll('.', '\\.').replaceAll('*', '[^/]*')}$`)
        if (![...there].some((one) => pattern.test(one)) && !existsSync(path.join(root, name))) missing.push(name)
      }
    }
    expect(missing).toEqual([])
  })

  it('shows configurations that both programs take', () => {
    const shown = blocks(page).flatMap(({ language, text }) =>
      language === 'yaml'
        ? [text]
        : [...text.matchAll(/cat > inferward\.yml <<'END'\n([\s\S]*?)END\n/g)].map(([, body]) => body!),
    )
    expect(shown.length).toBeGreaterThan(0)
    for (const text of shown)
      for (const schema of [serverConfig, agentConfig])
        expect(schema.safeParse(parse(text)).error?.issues ?? []).toEqual([])
  })

  it('ends no process by a list', () => {
    for (const { text } of blocks(page))
      expect(text).not.toMatch(/\b(?:kill|pkill|killall)\b[^\n]*(?:\$\(|`|\|)|\bpkill\b|\bkillall\b/)
  })
})

it.each([
  ['README.md', 'README.zh-CN.md'],
  ['docs/quickstart.md', 'docs/quickstart.zh-CN.md'],
])('%s and %s have the same commands', (english, chinese) => {
  const commands = (page: string): readonly string[] =>
    blocks(page).map(({ text }) =>
      bare(text)
        .replaceAll(' --lang zh', '')
        .replace(/--reason "[^"]*"/g, '--reason'),
    )
  expect(commands(chinese)).toEqual(commands(english))
})
