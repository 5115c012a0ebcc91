// `scrape_configs` in Prometheus' own shape, as far as it goes here: static targets and targets in files, without relabelling.

import { z } from 'zod'
import { duration } from '../../core/base/schema.ts'
import { authKeys, notSupported, oneAuth } from './prometheus-keys.ts'

const labels = z.record(
  z.string().regex(/^[a-zA-Z_][a-zA-Z0-9_]*$/, { error: 'not a label name' }),
  z.string().max(10_000),
)

const address = z
  .string()
  .refine(
    (text) => /^(?:\[[0-9a-fA-F:.]+\]|[^\s/:@?#[\]]+)(?::\d{1,5})?$/.test(text) && URL.canParse(`http://${text}`),
    {
      error: 'not an address: write host:port, without scheme and path',
    },
  )

/** One entry of static_configs, and of a file that file_sd_configs names. */
export const targetGroup = z
  .object({ targets: z.array(address).max(100_000).default([]), labels: labels.default({}) })
  .strict()
export type TargetGroup = z.infer<typeof targetGroup>

const units: Readonly<Record<string, number>> = { '': 1, K: 1 << 10, M: 1 << 20, G: 1 << 30 }
/** `10MB`; 0 is no limit of its own. */
const bytes = z.string().transform((text, context) => {
  const match = /^(\d{1,12})([KMG]?)(?:i?B)?$/.exec(text.trim())
  if (match !== null) return Number(match[1]) * units[match[2]!]!
  context.addIssue({ code: 'custom', message: `not a size: "${text}" (write 512KB or 10MB)` })
  return z.NEVER
})
const limit = z.number().int().min(0).default(0)

const job = z
  .object({
    job_name: z.string().min(1).max(1000),
    scrape_interval: duration.default(60_000),
    scrape_timeout: duration.optional(),
    metrics_path: z.string().startsWith('/').default('/metrics'),
    scheme: z.enum(['http', 'https']).default('http'),
    params: z.record(z.string().min(1), z.array(z.string())).default({}),
    honor_labels: z.boolean().default(false),
    honor_timestamps: z.boolean().default(true),
    static_configs: z.array(targetGroup).max(10_000).default([]),
    file_sd_configs: z
      .array(
        z
          .object({
            /** `*` in the last part of a path; .yml, .yaml or .json. */
            files: z
              .array(z.string().regex(/\.(?:ya?ml|json)$/, { error: 'a name that ends in .yml, .yaml or .json' }))
              .min(1),
            refresh_interval: duration.default(5 * 60_000),
          })
          .strict(),
      )
      .default([]),
    body_size_limit: bytes.prefault('0'),
    sample_limit: limit,
    label_limit: limit,
    label_name_length_limit: limit,
    label_value_length_limit: limit,
    target_limit: limit,
    ...authKeys,
    ...notSupported(
      'relabel_configs',
      'metric_relabel_configs',
      'follow_redirects',
      'enable_compression',
      'http_headers',
      'scrape_classic_histograms',
      'always_scrape_classic_histograms',
      'convert_classic_histograms_to_nhcb',
      'scrape_native_histograms',
      'native_histogram_bucket_limit',
      'native_histogram_min_bucket_factor',
      'keep_dropped_targets',
      'track_timestamps_staleness',
      'scrape_protocols',
      'fallback_scrape_protocol',
      'scrape_failure_log_file',
      'metric_name_validation_scheme',
      'metric_name_escaping_scheme',
      'scrape_config_files',
      ...[
        'azure',
        'consul',
        'digitalocean',
        'dns',
        'docker',
        'dockerswarm',
        'ec2',
        'eureka',
        'gce',
        'hetzner',
        'http',
      ].map((kind) => `${kind}_sd_configs`),
      ...[
        'ionos',
        'kubernetes',
        'kuma',
        'lightsail',
        'linode',
        'marathon',
        'nerve',
        'nomad',
        'openstack',
        'ovhcloud',
      ].map((kind) => `${kind}_sd_configs`),
      ...['puppetdb', 'scaleway', 'serverset', 'stackit', 'triton', 'uyuni', 'vultr'].map(
        (kind) => `${kind}_sd_configs`,
      ),
    ),
  })
  .strict()
  .refine((one) => one.scrape_interval > 0, { error: 'must be longer than 0', path: ['scrape_interval'] })
  .refine((one) => (one.scrape_timeout ?? 1) > 0 && (one.scrape_timeout ?? 0) <= one.scrape_interval, {
    error: 'must be longer than 0 and no longer than scrape_interval',
    path: ['scrape_timeout'],
  })
  .refine(oneAuth.check, { error: oneAuth.error, path: ['authorization'] })

export const scrapeConfigs = z
  .array(job)
  .max(1000)
  .default([])
  .superRefine((jobs, context) => {
    const seen = new Set<string>()
    jobs.forEach(({ job_name }, index) => {
      if (seen.has(job_name))
        context.addIssue({ code: 'custom', path: [index, 'job_name'], message: `there is another job "${job_name}"` })
      seen.add(job_name)
    })
  })
export type ScrapeJob = z.infer<typeof job>

/** Prometheus' own default, cut to the interval. */
export const timeoutOf = (one: ScrapeJob): number => one.scrape_timeout ?? Math.min(10_000, one.scrape_interval)
