// What `up` shows while the fleet comes to life: where the server is, and the engine's first answer to a real prompt.

import { existsSync, readFileSync } from 'node:fs'
import * as path from 'node:path'
import { systemClock } from '../core/base/clock.ts'
import type { Words } from './language.ts'

type Tell = (words: Words) => void

/**
 * The server writes its address once it listens. Resolves with its URL, or null when stopped before. The token of a first start is shown, once,
 * and to a person only: a file or a journal would keep it.
 */
export async function announceServer(
  data: string,
  tell: Tell,
  signal: AbortSignal,
  toPerson: boolean,
): Promise<string | null> {
  const file = path.join(data, 'run', 'server.url')
  const tokenFile = path.join(data, 'admin.token')
  const first = toPerson && !existsSync(tokenFile)
  while (!signal.aborted) {
    const url = readText(file)
    if (url !== null && (await ready(`${url}/-/ready`))) {
      tell({ en: `server    ${url}`, zh: `服务端    ${url}` })
      tell({ en: `token     ${tokenFile}`, zh: `令牌      ${tokenFile}` })
      const token = first ? readText(tokenFile) : null
      if (token !== null) tell({ en: `          ${token} (shown once)`, zh: `          ${token}(仅显示一次)` })
      return url
    }
    await systemClock.sleep(100, signal)
  }
  return null
}

type Engine = { readonly name: string; readonly phase: string; readonly url: string; readonly model: string }

/** Waits for the first engine that serves, asks it one thing and shows the answer. Of one that fails instead, says where its cause stands. */
export async function announceAnswer(data: string, server: string, tell: Tell, signal: AbortSignal): Promise<void> {
  const prompt = 'In the beginning'
  const failing = new Set<string>()
  while (!signal.aborted) {
    const engines = ((await json(`${server}/api/v1/engines`, { token: readText(path.join(data, 'admin.token')) })) ??
      []) as readonly Engine[]
    const serving = engines.find((engine) => engine.phase === 'serving')
    if (serving !== undefined) {
      tell({ en: `engine    ${serving.url} (${serving.model})`, zh: `引擎      ${serving.url}(${serving.model})` })
      const answer = (await json(`${serving.url}/generate`, { body: { prompt, max_tokens: 24, temperature: 0 } })) as {
        text?: string
      } | null
      if (answer?.text !== undefined) {
        const text = answer.text.replaceAll('\n', ' ').trim()
        tell({ en: `first answer: ${prompt} … ${text}`, zh: `首个回答:${prompt} … ${text}` })
        tell({ en: 'Ctrl-C stops everything.', zh: '按 Ctrl-C 停止全部。' })
        return
      }
    }
    for (const { name, phase } of engines) {
      if ((phase !== 'backoff' && phase !== 'given_up') || failing.has(name)) continue
      failing.add(name)
      const cause = `inferward incidents show last --server ${server}`
      tell({
        en: `engine    ${name} does not start; its cause: ${cause}`,
        zh: `引擎      ${name} 无法启动,原因见:${cause}`,
      })
    }
    await systemClock.sleep(200, signal)
  }
}

function readText(file: string): string | null {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch {
    return null // not there yet
  }
}

async function ready(url: string): Promise<boolean> {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(1000) })).ok
  } catch {
    return false // not listening yet
  }
}

async function json(
  url: string,
  options: { readonly body?: unknown; readonly token?: string | null },
): Promise<unknown> {
  const headers = new Headers()
  if (options.token) headers.set('authorization', `Bearer ${options.token}`)
  if (options.body !== undefined) headers.set('content-type', 'application/json')
  const post = options.body === undefined ? {} : { method: 'POST', body: JSON.stringify(options.body) }
  try {
    const response = await fetch(url, { ...post, headers, signal: AbortSignal.timeout(20_000) })
    return response.ok ? await response.json() : null
  } catch {
    return null // not serving yet
  }
}
