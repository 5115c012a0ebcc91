// Other servers of the Prometheus API as processes: found on the path, started on a free loopback port over an empty folder, stopped and removed
// afterwards. A suite asks `installed` first and skips by name.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import * as path from 'node:path'
import { ask } from '../helpers/prometheus-world.ts'

export type PeerName = 'prometheus' | 'promtool' | 'amtool' | 'prometheus-alertmanager' | 'victoria-metrics'
export type PeerServer = { readonly url: string; [Symbol.asyncDispose](): Promise<void> }

function find(name: PeerName): string | null {
  const places = (process.env.PATH ?? '').split(path.delimiter).map((folder) => path.join(folder, name))
  return places.find((file) => existsSync(file)) ?? null
}

export const installed = (name: PeerName): boolean => find(name) !== null

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}

type Start = { readonly args: (folder: string, port: number) => readonly string[]; readonly ready: string }
const starts: Readonly<Record<'prometheus' | 'victoria-metrics', Start>> = {
  prometheus: {
    args: (folder, port) => [
      `--config.file=${path.join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${path.join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--storage.tsdb.retention.time=20y',
      '--web.enable-remote-write-receiver',
      '--rules.alert.resend-delay=1s',
      '--log.level=error',
    ],
    ready: '/-/ready',
  },
  'victoria-metrics': {
    args: (folder, port) => [
      `-storageDataPath=${path.join(folder, 'data')}`,
      `-httpListenAddr=127.0.0.1:${port}`,
      '-retentionPeriod=20y',
      '-search.latencyOffset=0s',
      '-search.disableCache',
      '-loggerLevel=ERROR',
    ],
    ready: '/health',
  },
}

/** `config`: Prometheus' configuration file; VictoriaMetrics needs none. */
export async function startPeer(name: 'prometheus' | 'victoria-metrics', config = 'global: {}\n'): Promise<PeerServer> {
  const binary = find(name)
  if (binary === null) throw new Error(`${name} is not installed`)
  const folder = mkdtempSync(path.join(tmpdir(), 'iw-peer-'))
  writeFileSync(path.join(folder, 'prometheus.yml'), config)
  const port = await freePort()
  const { args, ready } = starts[name]
  const child = spawn(binary, args(folder, port), { stdio: ['ignore', 'ignore', 'inherit'] })
  const url = `http://127.0.0.1:${port}`
  try {
    await answers(child, url, ready)
  } catch (error) {
    await stop(child, folder)
    throw error
  }
  return { url, [Symbol.asyncDispose]: () => stop(child, folder) }
}

async function answers(child: ChildProcess, url: string, ready: string): Promise<void> {
  const until = performance.now() + 60_000
  for (;;) {
    if (child.exitCode !== null) throw new Error(`the peer ended with ${child.exitCode}`)
    const answer = await ask(url, ready).catch(() => null)
    if (answer?.status === 200) return
    if (performance.now() > until) throw new Error('the peer was not ready in time')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

async function stop(child: ChildProcess, folder: string): Promise<void> {
  const ended = new Promise<void>((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve()
    else child.once('exit', () => resolve())
  })
  child.kill('SIGKILL')
  await ended
  rmSync(folder, { recursive: true, force: true })
}

export type ToolResult = { readonly status: number; readonly out: string; readonly err: string }

export const promtool = (args: readonly string[], input = ''): Promise<ToolResult> => runTool('promtool', args, input)
export const amtool = (args: readonly string[], input = ''): Promise<ToolResult> => runTool('amtool', args, input)

/** A tool over loopback: asynchronous, since the server that it asks lives in this process. */
function runTool(name: PeerName, args: readonly string[], input: string): Promise<ToolResult> {
  const child = spawn(find(name)!, args, { stdio: 'pipe' })
  const parts = { out: '', err: '' }
  child.stdout.on('data', (chunk: Buffer) => {
    parts.out += chunk.toString()
  })
  child.stderr.on('data', (chunk: Buffer) => {
    parts.err += chunk.toString()
  })
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (status) => resolve({ status: status ?? -1, ...parts }))
  })
}

export function versionOf(name: PeerName): string {
  const { stdout, stderr } = spawnSync(find(name)!, ['--version'], { encoding: 'utf8' })
  const [line = ''] = `${stdout}${stderr}`.trim().split('\n')
  return line === '' ? `${name}, which does not tell its version` : line
}
