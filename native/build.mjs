// Builds the engine's addon: the C++ compiler called directly against npm's node-api-headers, one object per source, one set of flags per
// instruction set. No Python, no header download. A second call with nothing changed does nothing.

import { execFile, execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import * as path from 'node:path'
import { fileURLToPath } from 'node:url'

const here = path.dirname(fileURLToPath(import.meta.url))
const root = path.dirname(here)
const out = path.join(here, 'build')
const target = path.join(out, 'inferward.node')

export class BuildError extends Error {}

function compiler() {
  const wanted = process.env.CXX === undefined ? ['g++', 'clang++', 'c++'] : [process.env.CXX]
  for (const name of wanted) {
    try {
      execFileSync(name, ['--version'], { stdio: 'ignore' })
      return name
    } catch {
      // Not this one; the last word is below.
    }
  }
  throw new BuildError(
    `no C++ compiler found (tried ${wanted.join(', ')}).\n` +
      'On Debian or Ubuntu: apt-get install g++\n' +
      'Then run: npm run build\n' +
      '没有找到 C++ 编译器。Debian/Ubuntu 上请执行:apt-get install g++,然后运行:npm run build',
  )
}

function headers() {
  const require = createRequire(import.meta.url)
  try {
    return require('node-api-headers').include_dir
  } catch {
    throw new BuildError(
      'the package node-api-headers is missing: run `npm ci` with development dependencies, then `npm run build`',
    )
  }
}

const list = (folder) =>
  readdirSync(path.join(root, folder))
    .filter((name) => name.endsWith('.cc'))
    .sort()
    .map((name) => `${folder}/${name}`)

/** Flags that only one file may have: the rest of the addon must run on any CPU of the architecture. */
const special = process.arch === 'x64' ? { 'kernels/cpu/avx2.cc': ['-mavx2', '-mfma', '-mf16c'] } : {}

const common = [
  '-std=c++20',
  '-O3',
  '-fPIC',
  '-fvisibility=hidden',
  '-Wall',
  '-Wextra',
  '-ffp-contract=off',
  '-pthread',
]

export async function buildNative({ force = false, log = () => {} } = {}) {
  const sources = [...list('native'), ...list('kernels/cpu')]
  const include = headers()
  const hash = createHash('sha256')
  const inputs = ['native', 'kernels/cpu'].flatMap((folder) =>
    readdirSync(path.join(root, folder))
      .filter((name) => /\.(?:cc|h|mjs)$/.test(name))
      .sort()
      .map((name) => `${folder}/${name}`),
  )
  for (const input of inputs) hash.update(input).update(readFileSync(path.join(root, input)))
  hash.update(JSON.stringify([common, special, process.arch, process.platform]))
  const digest = hash.digest('hex')
  const stamp = path.join(out, 'stamp')
  if (!force && existsSync(target) && existsSync(stamp) && readFileSync(stamp, 'utf8') === digest) return false

  const cxx = compiler()
  mkdirSync(out, { recursive: true })
  const objects = sources.map((source) => path.join(out, `${source.replaceAll('/', '_')}.o`))
  const queue = sources.map((source, index) => [source, objects[index]])
  const compile = async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const [source, object] = next
      log(`compiling ${source}`)
      await run(cxx, [
        ...common,
        ...(special[source] ?? []),
        `-I${include}`,
        '-c',
        path.join(root, source),
        '-o',
        object,
      ])
    }
  }
  await Promise.all([compile(), compile()])
  const shared = process.platform === 'darwin' ? ['-bundle', '-undefined', 'dynamic_lookup'] : ['-shared']
  await run(cxx, [...shared, ...objects, '-pthread', '-o', `${target}.tmp`])
  renameSync(`${target}.tmp`, target)
  writeFileSync(stamp, digest)
  return true
}

function run(program, args) {
  return new Promise((resolve, reject) => {
    execFile(program, args, { maxBuffer: 1 << 24 }, (error, _stdout, stderr) => {
      if (stderr !== '') process.stderr.write(stderr)
      if (error) reject(new BuildError(`${program} failed on ${args.find((arg) => arg.endsWith('.cc')) ?? 'the link'}`))
      else resolve()
    })
  })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    const built = await buildNative({
      force: process.argv.includes('--force'),
      log: (line) => process.stderr.write(`${line}\n`),
    })
    process.stderr.write(built ? `built ${path.relative(root, target)}\n` : 'the addon is up to date\n')
  } catch (error) {
    if (!(error instanceof BuildError)) throw error
    process.stderr.write(`inferward: ${error.message}\n`)
    process.exit(1)
  }
}
