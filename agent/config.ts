// The agent's part of the configuration file. One file serves all programs: keys of the others are known here and left alone.

import * as path from 'node:path'
import { z } from 'zod'
import { projectRoot } from '../core/base/entry.ts'
import { allowedHosts, listen } from '../core/base/schema.ts'
import { hostName, maxEngines } from '../core/wire/state.ts'
import { type EngineConfig, engineConfig, watchConfig } from './engine/config.ts'

export const defaultModel = path.join(projectRoot, 'native', 'model', 'default.gguf')

const agentSection = z
  .object({
    ...watchConfig.shape,
    /** Its own port, for metrics and health; null: none. */
    listen: listen.nullable().prefault('127.0.0.1:9710'),
    allowed_hosts: allowedHosts,
    /** Server to report to; absent: the server of this very data folder. */
    server: z.url({ protocol: /^https?$/ }).optional(),
    /** Name of this host in the fleet; absent: the host name. */
    host: hostName.optional(),
  })
  .strict()

/** Engines share neither a name, which their run files carry, nor an address, which only one of them could open. Port 0 is any free one. */
function distinct(engines: readonly EngineConfig[], context: z.RefinementCtx): void {
  const address = ({ listen }: EngineConfig): string => `${listen.host}:${listen.port}`
  engines.forEach((engine, index) => {
    const before = engines.slice(0, index)
    if (before.some((one) => one.name === engine.name))
      context.addIssue({ code: 'custom', path: [index, 'name'], message: `there are two engines "${engine.name}"` })
    const holder = before.find((one) => one.listen.port !== 0 && address(one) === address(engine))
    if (holder !== undefined)
      context.addIssue({ code: 'custom', path: [index, 'listen'], message: `engine "${holder.name}" has this address` })
  })
}

export const agentConfig = z
  .object({
    engines: z.array(engineConfig).max(maxEngines).superRefine(distinct).optional(),
    agent: agentSection.prefault({}),
    server: z.unknown().optional(),
    remedy: z.unknown().optional(),
    storage: z.unknown().optional(),
    backend: z.unknown().optional(),
    global: z.unknown().optional(),
    scrape_configs: z.unknown().optional(),
    remote_write: z.unknown().optional(),
    slos: z.unknown().optional(),
    heartbeats: z.unknown().optional(),
    escalations: z.unknown().optional(),
    on_call: z.unknown().optional(),
    rule_files: z.unknown().optional(),
    rule_presets: z.unknown().optional(),
    default_rules: z.unknown().optional(),
    evaluation_interval: z.unknown().optional(),
    evaluation_on_arrival: z.unknown().optional(),
    rules_on_agents: z.unknown().optional(),
    alertmanager_config: z.unknown().optional(),
    alertmanagers: z.unknown().optional(),
  })
  .strict()
export type AgentConfig = z.infer<typeof agentConfig>
