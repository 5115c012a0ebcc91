// `remote_write` in Prometheus' own shape, as far as it goes here.

import { z } from 'zod'
import { duration } from '../../core/base/schema.ts'
import { authKeys, notSupported, oneAuth } from './prometheus-keys.ts'
import { relabelConfigs } from './relabel-config.ts'
import type { SendMessage } from './send-rows.ts'

/** Set by the sender itself. */
const own = new Set(['authorization', 'content-encoding', 'content-type', 'content-length', 'host', 'user-agent'])

const queue = z
  .object({
    /** Requests under way at once. */
    max_shards: z.number().int().min(1).max(64).default(4),
    max_samples_per_send: z.number().int().min(1).max(100_000).default(2000),
    /** Longest time that samples wait for others to go with. */
    batch_send_deadline: duration.default(5000),
    min_backoff: duration.default(30),
    max_backoff: duration.default(5000),
    /** Most bytes that wait on disk; ours. The oldest go first. */
    max_bytes: z
      .number()
      .int()
      .min(1 << 20)
      .default(512 << 20),
    ...notSupported('capacity', 'min_shards', 'retry_on_http_429', 'sample_age_limit'),
  })
  .strict()
  .refine((one) => one.min_backoff > 0 && one.min_backoff <= one.max_backoff, {
    error: 'must be longer than 0 and no longer than max_backoff',
    path: ['min_backoff'],
  })

const remote = z
  .object({
    url: z.url({ protocol: /^https?$/ }).refine((text) => !/^[^/]*\/\/[^/?#]*@/.test(text), {
      error: 'no user or password in the address: set basic_auth',
    }),
    /** Names its queue; left out: by its place in the list. */
    name: z
      .string()
      .regex(/^[a-zA-Z0-9_-]{1,60}$/, { error: 'letters, digits, _ and - only' })
      .optional(),
    remote_timeout: duration.default(30_000),
    headers: z
      .record(z.string().regex(/^[A-Za-z0-9-]{1,100}$/), z.string().max(1000))
      .refine((all) => !Object.keys(all).some((name) => own.has(name.toLowerCase())), {
        error: `none of ${[...own].join(', ')}`,
      })
      .default({}),
    /** 2.0 falls back to 1.0 where the other side does not understand it. */
    protobuf_message: z
      .enum(['prometheus.WriteRequest', 'io.prometheus.write.v2.Request'])
      .default('prometheus.WriteRequest'),
    write_relabel_configs: relabelConfigs,
    queue_config: queue.prefault({}),
    ...authKeys,
    ...notSupported(
      'metadata_config',
      'send_exemplars',
      'send_native_histograms',
      'follow_redirects',
      'round_robin_dns',
      'http_headers',
    ),
  })
  .strict()
  .refine(oneAuth.check, { error: oneAuth.error, path: ['authorization'] })

export const remoteWrite = z
  .array(remote)
  .max(20)
  .default([])
  .superRefine((remotes, context) => {
    const seen = new Set<string>()
    remotes.forEach((one, index) => {
      const name = nameOf(one, index)
      if (seen.has(name))
        context.addIssue({ code: 'custom', path: [index, 'name'], message: `there is another "${name}"` })
      seen.add(name)
    })
  })
export type RemoteWrite = z.infer<typeof remote>

export const messageOf = (one: Pick<RemoteWrite, 'protobuf_message'>): SendMessage =>
  one.protobuf_message === 'prometheus.WriteRequest' ? 'write' : 'write2'

/** Of the queue on disk and in metrics. */
export const nameOf = (one: Pick<RemoteWrite, 'name'>, index: number): string => one.name ?? `remote-${index}`
