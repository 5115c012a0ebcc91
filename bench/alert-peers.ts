// The servers that the bench of alerting compares: ours whole, with its own PostgreSQL, and Alertmanager. Each is a process on loopback over an empty
// folder, with the same routing file. Everything is ended by pid and removed.

import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import * as path from 'node:path'
import { projectRoot } from '../core/base/entry.ts'
import { endAll, type Process, treeOf } from './process-tree.ts'

export type AlertPeer = {
  readonly kind: 'ours' | 'alertmanager'
  /** Posts one body; throws unless it was taken. */
  post(body: string): Promise<void>
  /** Bytes of the answer. */
  get(path: string): Promise<number>
  stop(): Promise<void>
}

const find = (name: string): string | null =>
  (process.env.PATH ?? '')
    .split(path.delimiter)
    .map((folder) => path.join(folder, name))
    .find((file) => existsSync(file)) ?? null

export const alertmanagerInstalled = (): boolean => find('prometheus-alertmanager') !== null

const readyMs = 90_000

export async function startAlertPeer(
  kind: AlertPeer['kind'],
  routing: string,
  connections: number,
  signal: AbortSignal,
): Promise<AlertPeer> {
  const folder = mkdtempSync(path.join(tmpdir(), 'iw-bench-alert-'))
  const port = await freePort()
  const config = path.join(folder, 'routing.yml')
  writeFileSync(config, routing)
  const ours = path.join(folder, 'inferward.yml')
  writeFileSync(
    ours,
    `server: { listen: "127.0.0.1:${port}" }\nalertmanager_config: routing.yml\ndefault_rules: false\n`,
  )
  const data = path.join(folder, 'data')
  const [command, args] =
    kind === 'ours'
      ? [process.execPath, [path.join(projectRoot, 'cli/inferward.mjs'), 'server', '--data', data, '--config', ours]]
      : [
          find('prometheus-alertmanager')!,
          [
            `--config.file=${config}`,
            `--storage.path=${data}`,
            `--web.listen-address=127.0.0.1:${port}`,
            '--cluster.listen-address=',
            '--log.level=error',
          ],
        ]
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'ignore'] })
  const seen = new Map<number, Process>()
  const look = (): void => {
    if (child.pid !== undefined) for (const one of treeOf(child.pid)) seen.set(one.pid, one)
  }
  const stop = async (): Promise<void> => {
    look()
    await ended(child)
    // What the server leaves running on purpose, so that a restart finds it.
    endAll(seen.values())
    const kept = path.join(data, 'postgres', 'postmaster.pid')
    if (existsSync(kept)) endAll(treeOf(Number(readFileSync(kept, 'utf8').split('\n')[0])))
    rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })
  }
  const base = kind === 'ours' ? '/alertmanager' : ''
  const sockets = connectionsOf(port, connections)
  try {
    const until = performance.now() + readyMs
    while ((await sockets('GET', `${base}/-/ready`, '', {}).catch(() => null))?.status !== 200) {
      signal.throwIfAborted()
      if (child.exitCode !== null) throw new Error(`${kind} ended with ${child.exitCode}`)
      if (performance.now() > until) throw new Error(`${kind} was not ready in time`)
      look()
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  } catch (error) {
    await stop()
    throw error
  }
  const token = kind === 'ours' ? readFileSync(path.join(data, 'admin.token'), 'utf8').trim() : ''
  const headers = { 'content-type': 'application/json', ...(token === '' ? {} : { authorization: `Bearer ${token}` }) }
  return {
    kind,
    async post(body) {
      const { status, text } = await sockets('POST', `${base}/api/v2/alerts`, body, headers)
      if (status !== 200) throw new Error(`${kind}: HTTP ${status} ${text.slice(0, 200)}`)
    },
    async get(where) {
      const { status, bytes } = await sockets('GET', `${base}${where}`, '', headers)
      if (status !== 200) throw new Error(`${kind}: HTTP ${status} of ${where}`)
      return bytes
    },
    stop,
  }
}

type Reply = { readonly status: number; readonly bytes: number; readonly text: string }

function connectionsOf(port: number, count: number) {
  const kept = new Agent({ keepAlive: true, maxSockets: count })
  return (method: string, where: string, body: string, headers: Readonly<Record<string, string>>): Promise<Reply> =>
    new Promise((resolve, reject) => {
      const length = { 'content-length': String(Buffer.byteLength(body)) }
      const sent = request(
        { host: '127.0.0.1', port, path: where, method, agent: kept, headers: { ...headers, ...length } },
        (answer) => {
          let bytes = 0
          let text = ''
          answer.on('data', (part: Buffer) => {
            bytes += part.length
            if (text.length < 1000) text += part.toString()
          })
          answer.on('end', () => resolve({ status: answer.statusCode ?? 0, bytes, text }))
          answer.on('error', reject)
        },
      )
      sent.on('error', reject)
      sent.end(body)
    })
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  child.kill('SIGTERM')
  const late = new Promise<void>((resolve) => setTimeout(resolve, 15_000).unref())
  await Promise.race([gone, late])
  if (child.exitCode === null && child.signalCode === null) {
    child.kill('SIGKILL')
    await gone
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() =>
        typeof address === 'object' && address !== null ? resolve(address.port) : reject(new Error('no port')),
      )
    })
  })
}
