// The servers that the store's benches compare: ours, Prometheus and VictoriaMetrics, each a process of its own on loopback with one core to use, over
// an empty folder. Everything is stopped by pid and removed.

import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import * as path from 'node:path'
import { entry } from '../core/base/entry.ts'
import { errorText } from '../core/base/errors.ts'

export type PeerKind = 'ours' | 'prometheus' | 'victoria-metrics'
export type Peer = {
  readonly kind: PeerKind
  /** Another one after every restart. */
  readonly url: string
  /** Of the process, all its threads, since it began. */
  cpuSeconds(): number
  residentBytes(): number
  write(body: Uint8Array): Promise<void>
  /** Ends the process at once, with no chance to tidy up; its data stay. */
  kill(): Promise<void>
  /** Starts it again over the same data: milliseconds from exec until it says that it is ready. */
  restart(): Promise<number>
  stop(): Promise<void>
}

const find = (name: string): string | null =>
  (process.env.PATH ?? '')
    .split(path.delimiter)
    .map((folder) => path.join(folder, name))
    .find((file) => existsSync(file)) ?? null

export const installed = (kind: PeerKind): boolean => kind === 'ours' || find(kind) !== null

/** What is scraped and sent on, in Prometheus' own shape. */
export type RemoteParts = { readonly scrape_configs?: readonly unknown[]; readonly remote_write?: readonly unknown[] }

/** `rules`: text of a Prometheus rule file. VictoriaMetrics evaluates none. `remote`: for ours and Prometheus. */
export async function startPeer(
  kind: PeerKind,
  rules: string | null,
  signal: AbortSignal,
  remote: RemoteParts | null = null,
  /** Ours without snapshots: all that is known lies in the log. */
  logOnly = false,
): Promise<Peer> {
  const folder = mkdtempSync(path.join(tmpdir(), 'iw-bench-peer-'))
  const port = await freePort()
  const rulesFile = path.join(folder, 'rules.yml')
  if (rules !== null) writeFileSync(rulesFile, rules)
  writeFileSync(
    path.join(folder, 'prometheus.yml'),
    `global: { evaluation_interval: 15s }\n${rules === null ? '' : `rule_files: [${JSON.stringify(rulesFile)}]\n`}${Object.entries(
      remote ?? {},
    )
      .map(([key, value]) => `${key}: ${JSON.stringify(value)}\n`)
      .join('')}`,
  )
  const remoteFile = path.join(folder, 'remote.json')
  if (remote !== null) writeFileSync(remoteFile, JSON.stringify(remote))
  const data = path.join(folder, 'data')
  const [command, args] = {
    ours: [
      process.execPath,
      [
        entry('bench/store-server.ts'),
        data,
        rules === null ? '-' : rulesFile,
        remote === null ? '-' : remoteFile,
        logOnly ? 'log-only' : '-',
      ],
    ] as const,
    prometheus: [
      find('prometheus') ?? '',
      [
        `--config.file=${path.join(folder, 'prometheus.yml')}`,
        `--storage.tsdb.path=${data}`,
        `--web.listen-address=127.0.0.1:${port}`,
        '--web.enable-remote-write-receiver',
        '--log.level=error',
      ],
    ] as const,
    'victoria-metrics': [
      find('victoria-metrics') ?? '',
      [
        `-storageDataPath=${data}`,
        `-httpListenAddr=127.0.0.1:${port}`,
        '-search.latencyOffset=0s',
        '-loggerLevel=ERROR',
      ],
    ] as const,
  }[kind]
  let child: ChildProcess
  let url = ''
  const start = async (): Promise<number> => {
    const begun = performance.now()
    child = spawn(command, args, { stdio: ['ignore', 'pipe', 'ignore'], env: { ...process.env, GOMAXPROCS: '1' } })
    url = `http://127.0.0.1:${port}`
    if (kind === 'ours') url = await firstLine(child)
    else child.stdout?.resume()
    await ready(child, url, kind === 'victoria-metrics' ? '/health' : '/-/ready', signal)
    return performance.now() - begun
  }
  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGKILL')
    await ended
  }
  await start()
  const stat = (): readonly string[] => {
    const text = readFileSync(`/proc/${child.pid}/stat`, 'utf8')
    return text.slice(text.lastIndexOf(')') + 2).split(' ')
  }
  const send = (body: Uint8Array): Promise<Response> =>
    fetch(`${url}/api/v1/write`, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-protobuf',
        'content-encoding': 'snappy',
        'x-prometheus-remote-write-version': '0.1.0',
      },
      body: new Uint8Array(body),
    }).catch((error: unknown) => {
      throw new Error(`${kind}: ${errorText(error)}`, { cause: error })
    })
  return {
    kind,
    get url() {
      return url
    },
    cpuSeconds: () => (Number(stat()[11]) + Number(stat()[12])) / 100,
    residentBytes: () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]) * 1024,
    async write(body) {
      // A server may close a connection that was idle just as it is used again: senders try once more, and so does this one.
      const response = await send(body).catch(() => send(body))
      if (!response.ok) throw new Error(`${kind}: HTTP ${response.status} ${(await response.text()).slice(0, 300)}`)
      await response.arrayBuffer()
    },
    kill,
    restart: start,
    async stop() {
      await kill()
      rmSync(folder, { recursive: true, force: true })
    },
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

function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    child.stdout?.on('data', (part: Buffer) => {
      text += part.toString()
      if (text.includes('\n')) resolve((JSON.parse(text.split('\n', 1)[0]!) as { url: string }).url)
    })
    child.once('exit', (code) => reject(new Error(`the store ended with code ${code}`)))
  })
}

async function ready(child: ChildProcess, url: string, at: string, signal: AbortSignal): Promise<void> {
  const until = performance.now() + 180_000
  while (performance.now() < until) {
    signal.throwIfAborted()
    if (child.exitCode !== null) throw new Error(`the peer ended with code ${child.exitCode}`)
    try {
      if ((await fetch(`${url}${at}`)).ok) return
    } catch {
      // not listening yet
    }
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  throw new Error(`${url} was not ready in time`)
}
