// The engine as a real process: how it says what is wrong, with which exit code, and how it ends when it is asked to.

import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import * as path from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { readTelemetryPage } from '../../../agent/engine/telemetry-page.ts'
import { entry } from '../../../core/base/entry.ts'
import { type GgufFile, writeGguf } from '../../helpers/gguf-writer.ts'
import { temporaryFolder } from '../../helpers/native-engine.ts'
import { randomLlama } from '../../helpers/random-model.ts'
import { eventually, send } from './open-host.ts'

/** Without a token that ends an answer early. */
const model = (() => {
  const file = randomLlama({ type: 'F32', seed: 81, context: 1 << 14 })
  const keys = new Map(file.keys)
  keys.delete('tokenizer.ggml.eos_token_id')
  return { ...file, keys }
})()
const children: ChildProcess[] = []
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
})

type Running = {
  readonly child: ChildProcess
  readonly words: () => string
  readonly ended: Promise<{ code: number | null; signal: string | null }>
}

function start(args: readonly string[]): Running {
  const child = spawn(process.execPath, [entry('native/host/main.ts'), ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  children.push(child)
  let words = ''
  child.stderr?.on('data', (part: Buffer) => {
    words += part.toString()
  })
  const ended = new Promise<{ code: number | null; signal: string | null }>((resolve) =>
    child.once('close', (code, signal) => resolve({ code, signal })),
  )
  return { child, words: () => words, ended }
}

const flags = (folder: string, more: Readonly<Record<string, string>> = {}): string[] =>
  Object.entries({
    model: path.join(folder, 'model.gguf'),
    name: 'tiny',
    listen: '127.0.0.1:0',
    telemetry: path.join(folder, 'telemetry'),
    incarnation: 'life-1',
    threads: '1',
    ...more,
  }).flatMap(([flag, value]) => [`--${flag}`, value])

const place = (file: GgufFile = model) => {
  const made = temporaryFolder()
  writeFileSync(path.join(made.folder, 'model.gguf'), writeGguf(file).bytes)
  return made
}

/** Waits for the line that says the engine serves, and gives its port. */
async function serving(running: Running): Promise<number> {
  let port = 0
  await eventually(`serving\n${running.words()}`, async () => {
    const match = /"port":(\d+)/.exec(running.words())
    port = Number(match?.[1] ?? 0)
    return match !== null
  })
  return port
}

describe('the engine process', () => {
  it('serves, and on SIGTERM finishes what it has and ends with 0 and a stopped page', async () => {
    using at = place()
    const running = start(flags(at.folder))
    const port = await serving(running)
    const page = readTelemetryPage(path.join(at.folder, 'telemetry'))
    expect(page).toMatchObject({ pid: running.child.pid, state: 'serving', fatalSignal: 0 })
    const answer = send(
      port,
      'POST',
      '/v1/completions',
      JSON.stringify({ prompt: 'a', max_tokens: 1200, temperature: 0 }),
    )
    await eventually('running', async () =>
      (await send(port, 'GET', '/metrics', null)).text.includes('inference_running_requests{model="tiny"} 1'),
    )
    running.child.kill('SIGTERM')
    expect((await answer).status).toBe(200)
    expect(await running.ended).toEqual({ code: 0, signal: null })
    expect(readTelemetryPage(path.join(at.folder, 'telemetry'))).toMatchObject({ state: 'stopped', fatalSignal: 0 })
  })

  it('ends with 13 and the address when its port is taken', async () => {
    using at = place()
    const holder = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => holder.once('listening', resolve))
    const { port } = holder.address() as AddressInfo
    const running = start(flags(at.folder, { listen: `127.0.0.1:${port}` }))
    expect((await running.ended).code).toBe(13)
    expect(running.words()).toContain(`127.0.0.1:${port} is in use by another process`)
    holder.close()
  })

  it.each([
    [
      'that is not there',
      (file: string) => writeFileSync(`${file}.gone`, ''),
      { model: '/nonexistent/model.gguf' },
      /model\.gguf: No such file/,
    ],
    ['that is cut short', (file: string) => truncateSync(file, 5000), {}, /model\.gguf: cut short in/],
    ['that is a folder', () => undefined, { model: '/' }, /not a regular file/],
    ['that is empty', (file: string) => truncateSync(file, 0), {}, /the file is empty/],
  ] as const)('ends with 3 and names a model %s', async (_title, damage, more, words) => {
    using at = place()
    damage(path.join(at.folder, 'model.gguf'))
    const running = start(flags(at.folder, more))
    expect((await running.ended).code).toBe(3)
    expect(running.words()).toMatch(words)
    for (const line of running.words().trimEnd().split('\n')) expect(line).toMatch(/^inferward-engine: /)
  })

  it('ends with 3 and the key of a tokenizer that it does not have', async () => {
    const keys = new Map(model.keys).set('tokenizer.ggml.pre', { text: 'qwen2' })
    using at = place({ ...model, keys })
    const running = start(flags(at.folder))
    expect((await running.ended).code).toBe(3)
    expect(running.words()).toContain('tokenizer.ggml.pre is "qwen2"')
  })

  it.each([
    [{ threads: 'many' }, /--threads: expected a whole number from 0 to 256/],
    [{ isa: 'neon' }, /--isa: expected auto, scalar or avx2/],
    [{ listen: 'everywhere' }, /--listen: /],
    [{ 'request-timeout': '0s' }, /--request-timeout: /],
    [{ 'max-batch': '0' }, /--max-batch: /],
    [{ 'max-batch': '8', 'step-tokens': '4' }, /--step-tokens: /],
    [{ model: '' }, /--model: is needed/],
    [{ speed: 'high' }, /--speed/],
  ])('ends with 3 and the name of the flag for %j', async (more, words) => {
    using at = place()
    const running = start(flags(at.folder, more))
    expect((await running.ended).code).toBe(3)
    expect(running.words()).toMatch(words)
  })

  it.each(['SIGKILL', 'SIGSEGV', 'SIGABRT'] as const)('leaves a page that tells of its death by %s', async (signal) => {
    using at = place()
    const running = start(flags(at.folder))
    await serving(running)
    running.child.kill(signal)
    expect((await running.ended).signal).toBe(signal)
    const noted = { SIGKILL: 0, SIGSEGV: 11, SIGABRT: 6 }[signal]
    const page = readTelemetryPage(path.join(at.folder, 'telemetry'))
    expect(page).toMatchObject({ pid: running.child.pid, state: 'serving', fatalSignal: noted, fatalReason: 'none' })
    expect(existsSync(path.join(at.folder, 'telemetry'))).toBe(true)
    expect(readFileSync(path.join(at.folder, 'telemetry')).length).toBe(4096)
  })
})
