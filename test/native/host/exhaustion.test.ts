// Memory that runs out ends the engine in many ways: an abort of the JavaScript heap, an exception of C++, a wild pointer in a library. Whichever it
// is, the page it leaves says what it was.

import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import * as path from 'node:path'
import { expect, it } from 'vitest'
import { readTelemetryPage } from '../../../agent/engine/telemetry-page.ts'
import { entry } from '../../../core/base/entry.ts'
import { writeGguf } from '../../helpers/gguf-writer.ts'
import { temporaryFolder } from '../../helpers/native-engine.ts'
import { randomLlama } from '../../helpers/random-model.ts'
import { eventually } from './open-host.ts'

it('a process that the kernel gives nothing more says so as it dies', async () => {
  using at = temporaryFolder()
  const model = path.join(at.folder, 'model.gguf')
  const page = path.join(at.folder, 'telemetry')
  writeFileSync(model, writeGguf(randomLlama({ type: 'F32' })).bytes)
  const child = spawn(
    process.execPath,
    [
      entry('native/host/main.ts'),
      ...['--model', model, '--name', 'tiny', '--listen', '127.0.0.1:0'],
      ...['--telemetry', page, '--incarnation', 'life-1', '--threads', '1'],
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  )
  const ended = new Promise<string | null>((resolve) => child.once('exit', (_code, signal) => resolve(signal)))
  const sockets: Socket[] = []
  let words = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (part: Buffer) => {
      words += part.toString()
    })
  }
  try {
    await eventually('serving', async () => /"port":\d+/.test(words))
    const port = Number(/"port":(\d+)/.exec(words)![1])
    const held = Number(/VmData:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))![1]) * 1024
    execFileSync('prlimit', ['--pid', String(child.pid), `--data=${Math.floor(held / 2)}`])
    const part = Buffer.alloc(1_000_000, 'a')
    for (let count = 0; count < 200; count++) {
      const socket = connect(port, '127.0.0.1')
      socket.on('error', () => {}) // cut when the engine dies, which is the point
      socket.write('POST /generate HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000500\r\n\r\n{"prompt":"')
      socket.write(part)
      sockets.push(socket)
    }
    expect(['SIGABRT', 'SIGSEGV', 'SIGBUS', 'SIGTRAP', 'SIGILL']).toContain(await ended)
    expect(readTelemetryPage(page)).toMatchObject({ state: 'serving', fatalReason: 'out_of_memory' })
  } finally {
    child.kill('SIGKILL')
    for (const socket of sockets) socket.destroy()
  }
})

const mounts = spawnSync('unshare', ['--user', '--map-root-user', '--mount', 'mount', '-t', 'tmpfs', 'none', '/mnt'])
it.skipIf(mounts.status !== 0)('a disk that has no room for its page is told by name, and is no crash', () => {
  using at = temporaryFolder()
  const model = path.join(at.folder, 'model.gguf')
  writeFileSync(model, writeGguf(randomLlama({ type: 'F32' })).bytes)
  const full = '/mnt'
  const engine = [
    process.execPath,
    ...[entry('native/host/main.ts'), '--model', model, '--name', 'tiny', '--listen', '127.0.0.1:0'],
    ...['--telemetry', path.join(full, 'telemetry'), '--incarnation', 'life-1', '--threads', '1'],
  ]
  const script = `mount -t tmpfs -o size=16k none ${full} && head -c 64k /dev/zero > ${full}/fill; exec "$@"`
  const ended = spawnSync('unshare', ['--user', '--map-root-user', '--mount', 'sh', '-c', script, 'sh', ...engine], {
    encoding: 'utf8',
    timeout: 20_000,
  })
  expect(ended.stderr).toContain('telemetry: No space left on device')
  expect([ended.status, ended.signal]).toEqual([3, null])
})
