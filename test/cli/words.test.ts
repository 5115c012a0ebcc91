// The command line in Chinese, as a process: where the language may be said, and what then is left in English.

import { spawnSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { entry } from '../../core/base/entry.ts'

const run = (args: readonly string[], environment: Readonly<Record<string, string>> = {}) => {
  const { stdout, stderr, status } = spawnSync(process.execPath, [entry('cli/main.ts'), ...args], {
    encoding: 'utf8',
    timeout: 60_000,
    env: { PATH: process.env.PATH, ...environment },
  })
  return { stdout, stderr, status }
}

describe('doctor', () => {
  it.each([
    { args: ['doctor', '--lang', 'zh'], environment: {} },
    { args: ['--lang', 'zh', 'doctor'], environment: {} },
    { args: ['doctor'], environment: { INFERWARD_LANG: 'zh' } },
    { args: ['doctor'], environment: { LANG: 'zh_CN.UTF-8' } },
  ])('$args with $environment speaks Chinese', ({ args, environment }) => {
    const { stdout } = run(args, environment)
    expect(stdout).toContain('编译器')
    expect(stdout).toMatch(/构建 +程序与引擎均已构建/)
    // Two words of English one after the other are only names and versions.
    expect(stdout).not.toMatch(/\b(?:is|are|the|of|for|not|free|in use|needed)\b/)
  })

  it('speaks English otherwise', () => {
    expect(run(['doctor'], { LANG: 'C.UTF-8' }).stdout).toMatch(/build +programs and engine are built/)
  })
})

it('a fault, its reason aside, is told in the language that was asked for, with the same exit code', () => {
  const english = run(['engines', 'list', '--server', 'http://127.0.0.1:1'])
  const chinese = run(['engines', 'list', '--server', 'http://127.0.0.1:1', '--lang', 'zh'])
  expect(english.stderr).toContain('no answer from http://127.0.0.1:1')
  expect(chinese.stderr).toContain('http://127.0.0.1:1 没有回答:')
  expect(chinese.stderr).toContain('server 在运行吗?')
  expect([english.status, chinese.status]).toEqual([5, 5])
})
