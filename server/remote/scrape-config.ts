// `scrape_configs` and `global` in Prometheus' own shape: static targets and targets in files, with their relabelling. Other ways to find targets are
// refused by their name.

import { z } from 'zod'
import { duration } from '../../core/base/schema.ts'
import { authKeys, notSupported, oneAuth } from './prometheus-keys.ts'
import { labelName, relabelConfigs } from './relabel-config.ts'

const labels = z.record(labelName, z.string().max(10_000))

/** One entry of static_configs, and of a file that file_sd_configs names. Whether a target is an address shows when its labels are rewritten. */
export const targetGroup = z
  .object({
    targets: z
      .array(z.string().min(1).max(10_000))
      .max(100_000)
      .nullish()
      .transform((all) => all ?? []),
    labels: labels.nullish().transform((all) => all ?? {}),
  })
  .strict()
export type TargetGroup = z.infer<typeof targetGroup>

/** What is dialled: host:port, or a host alone. */
export const isAddress = (text: string): boolean =>
  /^(?:\[[0-9a-fA-F:.]+\]|[^\s/:@?#[\]]+)(?::\d{1,5})?$/.test(text) && URL.canParse(`http://${text}`)

const units: Readonly<Record<string, number>> = { '': 1, K: 1 << 10, M: 1 << 20, G: 1 << 30 }
/** `10MB`; 0 is no limit of its own. */
const bytes = z.string().transform((text, context) => {
  const match = /^(\d{1,12})([KMG]?)(?:i?B)?$/.exec(text.trim())
  if (match !== null) return Number(match[1]) * units[match[2]!]!
  context.addIssue({ code: 'custom', message: `not a size: "${text}" (write 512KB or 10MB)` })
  return z.NEVER
})
const limit = z.number().int().min(0)

/** Formats that are asked for, the dearest first, as Prometheus names them; protobuf is not spoken. */
const protocols = {
  PrometheusProto: null,
  'OpenMetricsText0.0.1': 'application/openmetrics-text;version=0.0.1',
  'OpenMetricsText1.0.0': 'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8',
  'PrometheusText0.0.4': 'text/plain;version=0.0.4',
  'PrometheusText1.0.0': 'text/plain;version=1.0.0;escaping=allow-utf-8',
} as const
const protocol = z.enum(Object.keys(protocols) as [keyof typeof protocols, ...(keyof typeof protocols)[]])
const usualProtocols = ['PrometheusText1.0.0', 'PrometheusText0.0.4', 'OpenMetricsText1.0.0'] as const

/** What a job may say, and what `global` may say for all jobs. */
const shared = {
  scrape_interval: duration.optional(),
  scrape_timeout: duration.optional(),
  body_size_limit: bytes.optional(),
  sample_limit: limit.optional(),
  label_limit: limit.optional(),
  label_name_length_limit: limit.optional(),
  label_value_length_limit: limit.optional(),
  target_limit: limit.optional(),
  keep_dropped_targets: limit.optional(),
  scrape_protocols: z.array(protocol).min(1).optional(),
  /** Beside `up`: the timeout, the limit of samples and the size of the page. */
  extra_scrape_metrics: z.boolean().optional(),
  metric_name_validation_scheme: z.literal('utf8', { error: 'names are UTF-8 here' }).optional(),
  metric_name_escaping_scheme: z.literal('allow-utf-8', { error: 'names are UTF-8 here' }).optional(),
  /** Native histograms are kept by nobody; saying so changes nothing. */
  scrape_native_histograms: z.literal(false).optional(),
  convert_classic_histograms_to_nhcb: z.literal(false).optional(),
  always_scrape_classic_histograms: z.boolean().optional(),
}
const timesFit = (one: {
  readonly scrape_interval?: number | undefined
  readonly scrape_timeout?: number | undefined
}) => (one.scrape_timeout ?? 1) > 0 && (one.scrape_timeout ?? 0) <= (one.scrape_interval ?? Number.POSITIVE_INFINITY)
const timesFault = { error: 'must be longer than 0 and no longer than scrape_interval', path: ['scrape_timeout'] }
const intervalFault = { error: 'must be longer than 0', path: ['scrape_interval'] }

export const globalConfig = z
  .object({
    ...shared,
    evaluation_interval: duration.optional(),
    external_labels: labels.optional(),
    ...notSupported('query_log_file', 'scrape_failure_log_file', 'rule_query_offset', 'runtime'),
  })
  .strict()
  .refine((one) => one.scrape_interval !== 0, intervalFault)
  .refine(timesFit, timesFault)
export type GlobalConfig = z.infer<typeof globalConfig>

const job = z
  .object({
    job_name: z.string().min(1).max(1000),
    ...shared,
    metrics_path: z.string().startsWith('/').default('/metrics'),
    scheme: z.enum(['http', 'https']).default('http'),
    params: z.record(z.string().min(1), z.array(z.string())).default({}),
    honor_labels: z.boolean().default(false),
    honor_timestamps: z.boolean().default(true),
    track_timestamps_staleness: z.boolean().default(false),
    follow_redirects: z.boolean().default(true),
    enable_compression: z.boolean().default(true),
    /** What Prometheus takes a page for that does not say; text here. */
    fallback_scrape_protocol: protocol.optional(),
    relabel_configs: relabelConfigs,
    metric_relabel_configs: relabelConfigs,
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
    ...authKeys,
    ...notSupported(
      'http_headers',
      'scrape_classic_histograms',
      'native_histogram_bucket_limit',
      'native_histogram_min_bucket_factor',
      'scrape_failure_log_file',
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
  .refine((one) => one.scrape_interval !== 0, intervalFault)
  .refine(timesFit, timesFault)
  .refine(oneAuth.check, { error: oneAuth.error, path: ['authorization'] })
  .superRefine((one, context) => {
    if (one.relabel_configs.length > 0) return
    one.static_configs.forEach(({ targets }, group) => {
      targets.forEach((target, index) => {
        if (isAddress(target)) return
        const message = 'not an address: write host:port, without scheme and path'
        context.addIssue({ code: 'custom', path: ['static_configs', group, 'targets', index], message })
      })
    })
  })

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
export type JobConfig = z.infer<typeof job>

/** A job with what `global` says where it says nothing itself. */
export type ScrapeJob = Omit<JobConfig, keyof typeof shared> & {
  readonly scrape_interval: number
  readonly scrape_timeout: number
  readonly body_size_limit: number
  readonly sample_limit: number
  readonly label_limit: number
  readonly label_name_length_limit: number
  readonly label_value_length_limit: number
  readonly target_limit: number
  readonly keep_dropped_targets: number
  readonly extra_scrape_metrics: boolean
  /** For the header. */
  readonly accept: string
}

export function scrapeJobs(jobs: readonly JobConfig[], global: GlobalConfig = {}): readonly ScrapeJob[] {
  return jobs.map((one) => {
    const said = { ...global, ...one }
    const interval = said.scrape_interval ?? 60_000
    return {
      ...one,
      scrape_interval: interval,
      // One that stands elsewhere than the interval is cut to it, as Prometheus does.
      scrape_timeout: Math.min(said.scrape_timeout ?? 10_000, interval),
      body_size_limit: said.body_size_limit ?? 0,
      sample_limit: said.sample_limit ?? 0,
      label_limit: said.label_limit ?? 0,
      label_name_length_limit: said.label_name_length_limit ?? 0,
      label_value_length_limit: said.label_value_length_limit ?? 0,
      target_limit: said.target_limit ?? 0,
      keep_dropped_targets: said.keep_dropped_targets ?? 0,
      extra_scrape_metrics: said.extra_scrape_metrics ?? false,
      accept: acceptOf(said.scrape_protocols ?? usualProtocols),
    }
  })
}

function acceptOf(wanted: readonly (keyof typeof protocols)[]): string {
  const types = wanted.flatMap((one) => protocols[one] ?? [])
  return [...types.map((type, index) => `${type};q=0.${Math.max(2, 9 - index)}`), '*/*;q=0.1'].join(',')
}
