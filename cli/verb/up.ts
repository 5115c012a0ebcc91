// `inferward up`: a whole one-host fleet from an empty folder. A small parent that starts server and agent as separate processes, starts
// them again when they die, and stops the tree only when it is itself asked to. If it is killed, its children live on and the next `up`
// adopts them.

import * as path from 'node:path'
import { Command } from 'commander'
import { systemClock } from '../../core/base/clock.ts'
import { projectRoot } from '../../core/base/entry.ts'
import { exitCodes, InferwardError } from '../../core/base/errors.ts'
import { nodeFileLayer } from '../../core/base/node-file-layer.ts'
import { takeLock } from '../../core/base/process-lock.ts'
import { announceAnswer, announceServer } from '../announce.ts'
import { keepChild } from '../child.ts'
import { type Language, language, say, type Words } from '../language.ts'
import { patiently } from '../patience.ts'
import { processStart } from '../process.ts'

const program = path.join(projectRoot, 'cli/inferward.mjs')

const serverStopMs = 15_000
const agentStopMs = 25_000
const waiting = {
  agent: {
    en: `  the engines finish the requests they hold (at most ${agentStopMs / 1000} s; one that stands still is ended)`,
    zh: `  等待引擎完成手中的请求(最多 ${agentStopMs / 1000} 秒;停滞的引擎会被终止)`,
  },
  server: {
    en: `  the server writes what it holds and stops its PostgreSQL (at most ${serverStopMs / 1000} s)`,
    zh: `  等待 server 写完数据并停止 PostgreSQL(最多 ${serverStopMs / 1000} 秒)`,
  },
} as const satisfies Readonly<Record<string, Words>>

export function upCommand(): Command {
  return new Command('up')
    .description('start server, agent and engine on this host; Ctrl-C stops them all')
    .requiredOption('--data <dir>', 'folder for all state; an empty one starts from nothing')
    .option('--config <file>', 'configuration file (YAML)')
    .option('--model <file>', 'GGUF file for the default engine')
    .action(async (flags: { data: string; config?: string; model?: string }, command: Command) => {
      const lang = language(command.optsWithGlobals<{ lang?: string }>().lang, process.env)
      await up(path.resolve(flags.data), flags, lang)
    })
}

async function up(data: string, flags: { config?: string; model?: string }, lang: Language): Promise<void> {
  makeFolder(data)
  // Before anything is adopted: two that keep the same children would each start again what the other stops.
  const lock = takeLock({
    files: nodeFileLayer,
    path: path.join(data, 'run', 'up.lock'),
    self: { pid: process.pid, startTime: processStart(process.pid) ?? '' },
    startOf: processStart,
    what: '`inferward up`',
  })
  const tell = (words: Words): void => void process.stderr.write(`${say(lang, words)}\n`)
  const common = ['--data', data, ...(flags.config === undefined ? [] : ['--config', path.resolve(flags.config)])]
  const model = flags.model === undefined ? [] : ['--model', path.resolve(flags.model)]

  const child = (name: 'server' | 'agent', more: readonly string[], stopMs: number) =>
    keepChild(
      { name, arguments: [name, ...common, ...more], stopSignal: 'SIGTERM', stopMs },
      {
        directory: data,
        program,
        clock: systemClock,
        onEvent: (event) => {
          if (event.kind === 'ended') {
            const how = event.signal ?? `code ${event.code}`
            if (event.again)
              tell({ en: `${name} ended (${how}), starting it again`, zh: `${name} 已退出(${how}),正在重新启动` })
          } else if (event.kind === 'adopted') {
            tell({
              en: `${name} still runs as pid ${event.pid}: adopted`,
              zh: `${name} 仍在运行(pid ${event.pid}),已接管`,
            })
          }
        },
      },
    )

  // Before the first child: a Ctrl-C that ended us between its start and our listening would leave it behind.
  const stopped = new AbortController()
  let interrupted = false
  const interrupt = (): void => {
    if (interrupted) return
    interrupted = true
    tell({ en: 'stopping …', zh: '正在停止 …' })
    stopped.abort()
  }
  process.on('SIGINT', interrupt)
  process.on('SIGTERM', interrupt)
  process.on('SIGHUP', interrupt)

  const server = child('server', [], serverStopMs)
  const agent = child('agent', ['--stop-engines-on-exit', ...model], agentStopMs)

  announceServer(data, tell, stopped.signal, process.stderr.isTTY === true)
    .then((url) => (url === null ? undefined : announceAnswer(data, url, tell, stopped.signal)))
    .catch((error: unknown) => tell({ en: `status unknown: ${String(error)}`, zh: `状态未知:${String(error)}` }))

  const asked = new Promise<null>((resolve) =>
    stopped.signal.addEventListener('abort', () => resolve(null), { once: true }),
  )
  const ended = await Promise.race([asked, server.done, agent.done])
  stopped.abort()
  // The agent first, so that its last events still reach the server.
  await patiently(systemClock, () => tell(waiting.agent), agent.stop())
  await patiently(systemClock, () => tell(waiting.server), server.stop())
  lock.release()
  if (ended === null) {
    tell({ en: 'stopped', zh: '已停止' })
    process.exit(exitCodes.ok)
  }
  tell(
    ended.words === ''
      ? { en: `inferward: ended early, see ${data}/log`, zh: `inferward: 提前结束,请查看 ${data}/log` }
      : { en: ended.words, zh: ended.words },
  )
  process.exit(ended.code)
}

function makeFolder(data: string): void {
  try {
    nodeFileLayer.makeDirectory(data)
    nodeFileLayer.makeDirectory(path.join(data, 'run'))
  } catch (error) {
    throw new InferwardError({
      code: 'up.data_folder',
      message: `data folder ${data} cannot be made`,
      hint: 'Name a writable folder with --data.',
      cause: error,
    })
  }
}
