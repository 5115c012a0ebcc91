// The server's part of the configuration file. One file serves all programs: keys of the others are known here and left alone.

import { z } from 'zod'
import { formatDuration } from '../core/base/duration.ts'
import { duration, isLoopback, type Listen, listen } from '../core/base/schema.ts'
import { escalations, onCall } from './dispatch/escalation-config.ts'
import { alertmanagersConfig } from './notify/forward-config.ts'
import { heartbeats } from './notify/heartbeat-config.ts'
import { globalConfig, scrapeConfigs } from './remote/scrape-config.ts'
import { remoteWrite } from './remote/send-config.ts'
import { slos } from './slo/config.ts'
import { backendConfig } from './tsdb/backend-config.ts'
import { storageConfig } from './tsdb/config.ts'

const labelName = z.string().regex(/^[a-zA-Z_][a-zA-Z0-9_]*$/, { error: 'not a label name' })

export const serverConfig = z
  .object({
    server: z
      .object({
        listen: listen.prefault('127.0.0.1:9700'),
        max_agents: z.number().int().min(1).max(100_000).default(2000),
        /** Host names that are given out; one more is refused until one is forgotten. Written in one statement, which has its bound. */
        max_hosts: z.number().int().min(1).max(9000).default(5000),
        /** Engines of all hosts. */
        max_engines: z.number().int().min(1).max(500_000).default(20_000),
        /** Base of the links in messages; absent: the address it listens on. */
        external_url: z.url({ protocol: /^https?$/ }).optional(),
        external_labels: z.record(labelName, z.string().max(1000)).default({}),
        max_series: z.number().int().min(1000).max(10_000_000).default(20_000),
        /** How far back samples are kept in memory. */
        retention: duration.default(7 * 3_600_000),
        /** Of several servers on one database another one acts when the one that does was silent that long. */
        failover_after: duration
          .default(10_000)
          .refine((ms) => ms >= 1000 && ms <= 600_000, { error: 'must be 1s to 10m' }),
        query_timeout: duration.default(30_000),
        /** Samples that one query may touch. */
        query_samples: z.number().int().min(1000).default(20_000_000),
        /** Queries of the API at work at once, answers under way included. */
        query_concurrency: z.number().int().min(1).max(1000).default(20),
        /** Queries that may wait for their turn; more are told to come again. */
        query_queue: z.number().int().min(0).max(10_000).default(200),
      })
      .strict()
      .prefault({}),
    /** Prometheus rule files; `*` and `?` in names. Relative to this file. */
    rule_files: z.array(z.string().min(1)).max(1000).default([]),
    /** Files of alerts/presets by name. */
    rule_presets: z.array(z.string().regex(/^[a-z0-9-]+$/)).default([]),
    /** The pack that pages on symptoms. */
    default_rules: z.boolean().default(true),
    evaluation_interval: duration.default(15_000),
    /** Objectives; rules for their error budgets are made of them. */
    slos,
    /** Groups of alerts that cost little are also evaluated when samples arrive, at most this often; left out: only at their interval. */
    evaluation_on_arrival: duration.optional(),
    /** Alerts that concern one host alone are worked out by its agent, also while it is cut off. */
    rules_on_agents: z.boolean().default(true),
    /** Alertmanager configuration. Relative to this file. */
    alertmanager_config: z.string().min(1).optional(),
    /** External Alertmanagers that alerts of our rules are posted to. */
    alertmanagers: alertmanagersConfig,
    /** Who is told of alerts that nobody acknowledges. */
    escalations,
    on_call: onCall,
    /** Who hears that this server is at work, and notices when it falls silent. */
    heartbeats,
    remedy: z
      .object({
        actions_per_engine: z.number().int().min(0).max(100).default(3),
        window: duration.default(30 * 60_000),
      })
      .strict()
      .prefault({}),
    storage: storageConfig,
    /** Another server of the Prometheus API in place of the embedded store. */
    backend: backendConfig.optional(),
    /** As in Prometheus: what is read from elsewhere, and where samples are sent on to. */
    global: globalConfig.prefault({}),
    scrape_configs: scrapeConfigs,
    remote_write: remoteWrite,
    engines: z.unknown().optional(),
    agent: z.unknown().optional(),
  })
  .strict()
  .superRefine(({ slos, storage }, context) => {
    slos.forEach(({ window }, index) => {
      if (window <= storage.retention) return
      context.addIssue({
        code: 'custom',
        path: ['slos', index, 'window'],
        message: `longer than storage.retention (${formatDuration(storage.retention)}): what is left of the budget could never be known; raise storage.retention`,
      })
    })
  })
  .superRefine(({ server, global, remote_write }, context) => {
    remote_write.forEach(({ url }, index) => {
      if (!isAt(url, server.listen)) return
      const message = 'this is the server itself: it would send on what it gets, again and again'
      context.addIssue({ code: 'custom', path: ['remote_write', index, 'url'], message })
    })
    for (const [name, value] of Object.entries(global.external_labels ?? {})) {
      if ((server.external_labels[name] ?? value) === value) continue
      const message = `server.external_labels has another "${name}"`
      context.addIssue({ code: 'custom', path: ['global', 'external_labels', name], message })
    }
  })
export type ServerConfig = z.infer<typeof serverConfig>

/** Is the address that of the listener, as far as names tell? */
function isAt(url: string, listen: Listen): boolean {
  const { hostname, port, protocol } = new URL(url)
  const host = hostname.replace(/^\[|\]$/g, '')
  if (listen.port === 0 || Number(port || (protocol === 'https:' ? 443 : 80)) !== listen.port) return false
  const everywhere = listen.host === '0.0.0.0' || listen.host === '::'
  return host === listen.host || (isLoopback(host) && (everywhere || isLoopback(listen.host)))
}

/** What Prometheus' `global` says of more than scraping, where the rest of the server looks for it. */
export function withGlobal(config: ServerConfig): ServerConfig {
  const { server, global } = config
  return {
    ...config,
    evaluation_interval: global.evaluation_interval ?? config.evaluation_interval,
    server: { ...server, external_labels: { ...server.external_labels, ...global.external_labels } },
  }
}
