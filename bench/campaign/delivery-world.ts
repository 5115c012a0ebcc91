// A real server over its own PostgreSQL that is started, fed with samples, and killed, for the delivery campaign. Invariant: after `stop` no
// process of it runs.

import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import * as path from 'node:path'
import { systemClock } from '../../core/base/clock.ts'
import { projectRoot } from '../../core/base/entry.ts'
import { encodeWriteRequest } from '../../core/sample/remote-write.ts'
import { sample } from '../../core/sample/sample.ts'

const readyMs = 30_000
const stopMs = 20_000
const lastWords = 4000

export type World = {
  /** Resolves when it is ready; `killAfterMs`: it is killed that long after it was spawned, ready or not. True when it became ready. */
  start(killAfterMs?: number): Promise<boolean>
  kill(): Promise<void>
  /** The present value of every alert's series; false when the server did not take it. */
  feed(values: ReadonlyMap<string, number>): Promise<boolean>
  /** What the server said last, for a fault. */
  words(): string
  stop(): Promise<void>
}

export function openWorld(directory: string, receiverUrl: string): World {
  const data = path.join(directory, 'data')
  const config = path.join(directory, 'inferward.yml')
  writeFileSync(
    config,
    [
      'server: { listen: "127.0.0.1:0" }',
      'default_rules: false',
      'rule_files: [rules.yml]',
      'evaluation_interval: 1s',
      'evaluation_on_arrival: 50ms',
      'alertmanager_config: alertmanager.yml',
      '',
    ].join('\n'),
  )
  writeFileSync(
    path.join(directory, 'rules.yml'),
    'groups:\n  - name: campaign\n    rules:\n      - alert: Campaign\n        expr: campaign_fault == 1\n',
  )
  writeFileSync(
    path.join(directory, 'alertmanager.yml'),
    [
      'route:',
      '  receiver: counted',
      '  group_by: [alertname, name]',
      '  group_wait: 0s',
      '  resolve_wait: 0s',
      '  group_interval: 1s',
      '  repeat_interval: 24h',
      'receivers:',
      `  - { name: counted, webhook_configs: [{ url: "${receiverUrl}" }] }`,
      '',
    ].join('\n'),
  )
  let child: ChildProcess | undefined
  let ended: Promise<void> = Promise.resolve()
  let said = ''

  const kill = async (signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<void> => {
    child?.kill(signal)
    await ended
  }
  return {
    async start(killAfterMs) {
      said = ''
      const own = spawn(
        process.execPath,
        [path.join(projectRoot, 'cli', 'inferward.mjs'), 'server', '--data', data, '--config', config],
        { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, DATABASE_URL: '' } },
      )
      child = own
      let over = false
      ended = new Promise((resolve) =>
        own.once('close', () => {
          over = true
          resolve()
        }),
      )
      let ready: () => void = () => {}
      const isReady = new Promise<'ready'>((resolve) => {
        ready = () => resolve('ready')
      })
      own.stderr?.setEncoding('utf8').on('data', (part: string) => {
        said = `${said}${part}`.slice(-lastWords)
        if (said.includes('"server ready"')) ready()
      })
      using _timer = systemClock.timer(killAfterMs ?? readyMs, () => void own.kill('SIGKILL'))
      const first = await Promise.race([isReady, ended])
      return first === 'ready' && !over && killAfterMs === undefined
    },
    kill: () => kill(),
    async feed(values) {
      try {
        const url = readFileSync(path.join(data, 'run', 'server.url'), 'utf8').trim()
        const token = readFileSync(path.join(data, 'admin.token'), 'utf8').trim()
        const now = systemClock.now()
        const body = encodeWriteRequest(
          [...values].map(([name, value]) => sample('campaign_fault', { name }, now, value)),
        )
        const response = await fetch(`${url}/api/v1/write`, {
          method: 'POST',
          headers: {
            authorization: `Bearer ${token}`,
            'content-type': 'application/x-protobuf',
            'content-encoding': 'snappy',
          },
          body: new Uint8Array(body),
          signal: AbortSignal.timeout(5000),
        })
        await response.arrayBuffer()
        return response.ok
      } catch {
        // Killed, or not yet up: the next one tells the same.
        return false
      }
    },
    words: () => said,
    async stop() {
      using _timer = systemClock.timer(stopMs, () => void child?.kill('SIGKILL'))
      await kill('SIGTERM')
      const pidFile = path.join(data, 'postgres', 'postmaster.pid')
      if (!existsSync(pidFile)) return
      const pid = Number(readFileSync(pidFile, 'utf8').split('\n')[0])
      process.kill(pid, 'SIGINT')
      while (existsSync(pidFile)) await systemClock.sleep(50)
    },
  }
}
