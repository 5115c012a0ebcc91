// A stand-in for the engine process: same flags, same page, same HTTP, and as ill-behaved as its model file (JSON) says. `POST /do` makes it
// misbehave later.

import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'
import { createServer } from 'node:http'

const flag = (name) => process.argv[process.argv.indexOf(`--${name}`) + 1]
const model = JSON.parse(readFileSync(flag('model'), 'utf8'))
if (model.words) process.stderr.write(`${model.words}\n`)
if (model.exit !== undefined) process.exit(model.exit)

const page = openSync(flag('telemetry'), 'w+')
const word = (offset, value) => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt(value))
  writeSync(page, bytes, 0, 8, offset)
}
writeSync(page, Buffer.alloc(4096), 0, 4096, 0)
word(8, 1n + (4096n << 32n))
word(16, process.pid)
word(24, 2)
word(64, 256)
word(72, 16)
writeSync(page, Buffer.from('IWTELEM\u0001', 'latin1'), 0, 8, 0)
let progress = 0
let beating = true
const beat = () => {
  if (beating) word(40, process.hrtime.bigint())
}
beat()
setInterval(beat, 20)

let infers = model.infers ?? true
const deeds = {
  /** Work waits and nothing moves. */
  hang: () => word(256 + 8 * 4, 1),
  /** It moves again. */
  recover: () => {
    word(256 + 8 * 4, 0)
    word(256, ++progress)
  },
  silence: () => {
    beating = false
  },
  fail: () => {
    infers = false
  },
  heal: () => {
    infers = true
  },
  segv: () => process.kill(process.pid, 'SIGSEGV'),
  exit: () => process.exit(7),
  memory: () => {
    word(56, 1)
    process.abort()
  },
}
if (model.child) {
  const stubborn = spawn(process.execPath, ['-e', "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000)"], {
    stdio: 'ignore',
  })
  stubborn.once('spawn', () => process.stderr.write(`child ${stubborn.pid}\n`))
}
if (!model.deaf) process.on('SIGTERM', () => process.exit(0))
else process.on('SIGTERM', () => undefined)

const server = createServer((request, response) => {
  let body = ''
  request.on('data', (part) => {
    body += part
  })
  request.on('end', () => {
    const reply = (status, value) => response.writeHead(status).end(JSON.stringify(value))
    if (request.url === '/health')
      return reply(200, { status: 'ok', incarnation: model.incarnation ?? flag('incarnation') })
    if (request.url === '/do') {
      reply(200, {})
      return setImmediate(deeds[body])
    }
    if (!infers) return reply(500, {})
    word(256, ++progress)
    return reply(200, { choices: [{ text: 'x' }] })
  })
})
const [host, port] = flag('listen').split(':')
server.once('error', () => process.exit(13))
server.listen(Number(port), host)
process.once('exit', () => closeSync(page))
