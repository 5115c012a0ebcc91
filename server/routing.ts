// The routing file as the server reads it: the route tree, its inhibit rules and its channels, and the file's own text for those who ask.

import { readdirSync, readFileSync } from 'node:fs'
import * as path from 'node:path'
import type { Clock } from '../core/base/clock.ts'
import { errorText, exitCodes, InferwardError, systemCode } from '../core/base/errors.ts'
import type { Log } from '../core/base/log.ts'
import type { ServerConfig } from './config.ts'
import type { DispatchDeps } from './dispatch/dispatcher.ts'
import { buildRoutes } from './dispatch/route.ts'
import type { ActionLinks } from './notify/action-link.ts'
import { loadAlertmanagerConfig } from './notify/config.ts'
import { openPost } from './notify/http-post.ts'
import type { RemedyPort } from './notify/remedy-port.ts'

export type Routing = Pick<DispatchDeps, 'route' | 'inhibitRules' | 'channels'> & {
  /** As the file has it, secrets and all; of the routing in use without a file, what would give the same. */
  readonly text: string
  /** Labels of each receiver, its name among them. */
  readonly receivers: readonly Readonly<Record<string, string>>[]
  /** How long a posted alert without an end goes on. */
  readonly resolveTimeoutMs: number
}

/** Without a routing file alerts are kept and shown, and nobody is told. */
const nobody = 'route:\n  receiver: nobody\nreceivers:\n  - name: nobody\n'

export function readRouting(options: {
  readonly clock: Clock
  readonly log: Log
  readonly config: ServerConfig
  /** Folder that file names of the configuration are relative to. */
  readonly directory: string
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Links of the messages by which a reader can act. */
  readonly actions: ActionLinks
  readonly remedy: RemedyPort
  readonly onTemplateFault: () => void
}): Routing {
  const { log, clock, environment } = options
  const name = options.config.alertmanager_config
  const file = path.resolve(options.directory, name ?? 'alertmanager.yml')
  const readFile = (one: string): string => readFileSync(one, 'utf8')
  let text = nobody
  try {
    if (name !== undefined) text = readFile(file)
  } catch (error) {
    throw new InferwardError({
      code: 'config.alertmanager_config',
      message: `alertmanager_config: ${file} cannot be read (${systemCode(error) ?? errorText(error)})`,
      hint: 'The path is relative to the configuration file.',
      exitCode: exitCodes.config,
      cause: error,
    })
  }
  const loaded = loadAlertmanagerConfig({
    file,
    text,
    readFile,
    listFolder: (folder) => readdirSync(folder),
    environment,
    onTemplateFault: options.onTemplateFault,
  })
  for (const words of loaded.warnings) log.warn(words)
  return {
    text,
    route: buildRoutes(loaded.route, loaded.intervals),
    inhibitRules: loaded.inhibitRules,
    channels: loaded.channels({ clock, post: openPost(clock), actions: options.actions, remedy: options.remedy }),
    receivers: loaded.receiverLabels,
    resolveTimeoutMs: loaded.resolveTimeoutMs,
  }
}
