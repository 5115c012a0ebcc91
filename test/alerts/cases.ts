// For every rule a story that crosses it, with the second at which it must fire, and stories that nearly do. Series start at 0 s; `0x10` is a
// zero and ten more. Groups are evaluated at 0 s, then at their interval.

export type Case = {
  readonly rule: string
  /** Seconds between samples; 1 when left out. */
  readonly step?: number
  readonly crosses: readonly string[]
  readonly firesAt: number
  readonly resolvesAt?: number
  readonly labels: Readonly<Record<string, string>>
  /** What its English summary must say. */
  readonly says: string
  readonly nearly: readonly (readonly string[])[]
}

const e = 'host="gpu-1",engine="default"'
const m = `${e},model="tiny"`
const g = 'host="gpu-1",gpu="0",uuid="GPU-1",gpu_model="H100"'
const engine = { host: 'gpu-1', engine: 'default' }
const model = { ...engine, model: 'tiny' }
const gpu = { host: 'gpu-1', gpu: '0' }
const host = { host: 'gpu-1' }

const requests = (outcome: string, values: string): string =>
  `inference_requests_total{${m},outcome="${outcome}"} ${values}`
const exits = (cause: string, values: string): string => `inferward_engine_exits_total{${e},cause="${cause}"} ${values}`
const up = (values: string): string => `inferward_engine_up{${e}} ${values}`
const wanted = (values: string): string => `inferward_engine_wanted{${e}} ${values}`
/** What the server records of itself, every 5 s. */
const listening = (seconds: number): string => `inferward_session_open ${'1 _ _ _ _ '.repeat(seconds / 5)}`
const memory = (values: string): readonly string[] => [
  `inferward_host_memory_total_bytes{host="gpu-1"} 100x500`,
  `inferward_host_memory_available_bytes{host="gpu-1"} ${values}`,
]
const disk = (values: string): readonly string[] => [
  `inferward_host_disk_total_bytes{host="gpu-1"} 100x500`,
  `inferward_host_disk_free_bytes{host="gpu-1"} ${values}`,
]

export const cases: readonly Case[] = [
  {
    rule: 'EngineCrashed',
    crosses: [exits('killed', '0x10 1x100'), exits('aborted', '0x110'), up('1x10 0x40 1x59')],
    firesAt: 11,
    resolvesAt: 52,
    labels: { ...engine, cause: 'killed' },
    says: 'Engine default on gpu-1 ended unexpectedly (killed)',
    nearly: [
      [exits('killed', '3x110'), up('1x110')],
      [exits('hung', '0x10 1x100'), exits('killed', '0x110'), up('1x10 0x100')],
      // A planned restart: down, and no exit that nobody asked for.
      [exits('killed', '0x110'), up('1x10 0x20 1x79')],
    ],
  },
  {
    rule: 'EngineHung',
    crosses: [exits('hung', '0x10 1x100'), up('1x10 0x50 1x49')],
    firesAt: 11,
    resolvesAt: 62,
    labels: { ...engine, cause: 'hung' },
    says: 'Engine default on gpu-1 stood still (hung)',
    nearly: [[exits('killed', '0x10 1x100'), exits('hung', '0x110'), up('1x10 0x100')]],
  },
  {
    rule: 'EngineLoadFailed',
    crosses: [exits('load_failed', '0x10 1x100'), up('0x70 1x40')],
    firesAt: 11,
    resolvesAt: 71,
    labels: engine,
    says: 'Engine default on gpu-1 cannot load',
    nearly: [[exits('killed', '0x10 1x100'), exits('load_failed', '0x110'), up('0x110')]],
  },
  {
    rule: 'EngineDown',
    // That another engine of the host was stopped on purpose keeps this one no quieter.
    crosses: [up('1x10 0x60 1x30'), wanted('1x101'), 'inferward_engine_wanted{host="gpu-1",engine="other"} 0x101'],
    firesAt: 41,
    resolvesAt: 72,
    labels: engine,
    says: 'Engine default on gpu-1 does not serve',
    nearly: [
      [up('1x10 0x29 1x60')],
      // Stopped by a person, before it was down or before anybody was told.
      [up('1x10 0x100'), wanted('1x8 0x100')],
      [up('1x10 0x100'), wanted('1x39 0x70')],
    ],
  },
  {
    rule: 'RestartBudgetSpent',
    crosses: [`inferward_engine_restart_budget_left{${e}} 3x5 0x100`, up('1x5 0x100')],
    firesAt: 21,
    labels: engine,
    says: 'Engine default on gpu-1 is down and its restart budget is spent',
    nearly: [
      [`inferward_engine_restart_budget_left{${e}} 0x100`, up('1x100')],
      [`inferward_engine_restart_budget_left{${e}} 1x100`, up('0x100')],
      [`inferward_engine_restart_budget_left{${e}} 0x100`, up('1x10 0x14 1x75')],
    ],
  },
  {
    rule: 'EngineStalled',
    crosses: [`inferward_engine_stalled_seconds{${e}} 0x10 1+1x40 0x30`, up('1x100')],
    firesAt: 45,
    resolvesAt: 60,
    labels: engine,
    says: 'Engine default on gpu-1 has made no progress for 35s',
    nearly: [
      [`inferward_engine_stalled_seconds{${e}} 0+1x30 0x60`, up('1x90')],
      [`inferward_engine_stalled_seconds{${e}} 100x90`, up('0x90')],
    ],
  },
  {
    rule: 'EngineProbeFailing',
    crosses: [`inferward_engine_probe_failures{${e}} 0x29 2x40 0x20`],
    firesAt: 30,
    resolvesAt: 75,
    labels: engine,
    says: '2 probes in a row failed on engine default on gpu-1',
    nearly: [[`inferward_engine_probe_failures{${e}} 0x29 1x60`]],
  },
  {
    // 10 failed of 625 every 15 s, until 1500 s; the short window ends it.
    rule: 'ErrorBudgetBurnsFast',
    step: 15,
    crosses: [
      requests('ok', '0+615x200'),
      requests('error', '0+7x100 700x100'),
      requests('timeout', '0+3x100 300x100'),
    ],
    firesAt: 15,
    resolvesAt: 1530,
    labels: model,
    says: '1.6% of the requests to tiny on gpu-1/default fail',
    nearly: [
      [requests('ok', '0+142x300'), requests('error', '0+2x300'), requests('timeout', '0x300')],
      // All fail, and they are nine: no page for a handful.
      [requests('ok', '0x300'), requests('error', '0x10 1+1x8 9x281'), requests('timeout', '0x300')],
      // Bad now, and 1.3 % over the hour.
      [requests('ok', '0+150x200'), requests('error', '0x67 3+3x132'), requests('timeout', '0x200')],
      // Rejected and cancelled requests are not errors of the engine.
      [
        requests('ok', '0+10x300'),
        requests('error', '0x300'),
        requests('rejected', '0+50x300'),
        requests('cancelled', '0+50x300'),
      ],
    ],
  },
  {
    // 1 failed of 151 every 15 s, until 1500 s; the tenth is reckoned at 150 s, a quarter of an hour later it fires.
    rule: 'ErrorBudgetBurnsSlowly',
    step: 15,
    crosses: [requests('ok', '0+150x200'), requests('error', '0+1x100 100x100')],
    firesAt: 1050,
    resolvesAt: 1665,
    labels: model,
    says: '0.6623% of the requests to tiny on gpu-1/default have been failing for a while',
    nearly: [
      [requests('ok', '0+199x100'), requests('error', '0+1x100')],
      // Bad for the last 100 minutes, and 0.53 % over all that is known.
      [requests('ok', '0+150x500'), requests('error', '0x100 1+1x399')],
    ],
  },
  {
    rule: 'QueueSaturated',
    crosses: [`inference_waiting_requests{${m}} 0x29 81x80 10x20`, `inference_queue_capacity_requests{${m}} 100x130`],
    firesAt: 90,
    resolvesAt: 120,
    labels: model,
    says: 'The queue of tiny on gpu-1/default is 81% full',
    nearly: [
      [`inference_waiting_requests{${m}} 80x130`, `inference_queue_capacity_requests{${m}} 100x130`],
      [`inference_waiting_requests{${m}} 0x130`, `inference_queue_capacity_requests{${m}} 0x130`],
    ],
  },
  {
    rule: 'RequestsRejected',
    crosses: [requests('ok', '0+89x150'), requests('rejected', '0+1x150')],
    firesAt: 75,
    labels: model,
    says: 'tiny on gpu-1/default turns away 1.111% of its requests',
    nearly: [[requests('ok', '0+109x150'), requests('rejected', '0+1x150')]],
  },
  {
    rule: 'KvMemoryExhausted',
    crosses: [`inference_kv_used_ratio{${m}} 0.5x29 0.96x400`],
    firesAt: 330,
    labels: model,
    says: 'KV memory of tiny on gpu-1/default is 96% used',
    nearly: [[`inference_kv_used_ratio{${m}} 0.95x430`], [`inference_kv_used_ratio{${m}} 0.96x299 0.9x100`]],
  },
  {
    // 0.4 a second; over five minutes the mean passes 0.2 behind 150 s.
    rule: 'PreemptionsHigh',
    step: 5,
    crosses: [`inference_preemptions_total{${m}} 0+2x120`],
    firesAt: 465,
    labels: model,
    says: 'tiny on gpu-1/default puts back 400m requests a second',
    nearly: [[`inference_preemptions_total{${m}} 0 0 0+1x40 40x3 40+1x80`]],
  },
  {
    rule: 'HostMemoryLow',
    crosses: memory('50x29 9x400'),
    firesAt: 330,
    labels: host,
    says: 'Host gpu-1 has 9% of its memory left',
    nearly: [memory('10x430')],
  },
  {
    rule: 'HostMemoryExhausted',
    crosses: memory('50x29 2.5x60 50x30'),
    firesAt: 60,
    resolvesAt: 105,
    labels: host,
    says: 'Host gpu-1 is out of memory (2.5% left)',
    nearly: [memory('3x430')],
  },
  {
    rule: 'HostDiskLow',
    crosses: disk('50x29 9x400'),
    firesAt: 330,
    labels: host,
    says: 'The data disk of gpu-1 has 9% left',
    nearly: [disk('10x430')],
  },
  {
    rule: 'HostDiskFull',
    crosses: disk('50x29 2.5x80 50x30'),
    firesAt: 90,
    resolvesAt: 120,
    labels: host,
    says: 'The data disk of gpu-1 is full (2.5% left)',
    nearly: [disk('3x430')],
  },
  {
    // Last heard at 20 s: a minute later it is missed, at 120 s it is told.
    rule: 'AgentSilent',
    crosses: [
      'inferward_host_load1{host="gpu-1"} 1x20 _x200 1x20',
      'inferward_host_load1{host="gpu-2"} 1x240',
      listening(240),
    ],
    firesAt: 120,
    resolvesAt: 225,
    labels: host,
    says: 'Nothing is heard of host gpu-1',
    nearly: [
      [
        'inferward_host_load1{host="gpu-1"} 1x20 _x69 1x150',
        'inferward_host_load1{host="gpu-2"} 1x240',
        listening(240),
      ],
      // Everything was stopped for 100 s, and the agent came back some seconds after the server, or half a minute.
      ...[3, 30].map((late) => [
        `inferward_host_load1{host="gpu-1"} 1x60 ${'_ '.repeat(100 + late)}1x200`,
        `inferward_session_open ${'1 _ _ _ _ '.repeat(12)}${'_ '.repeat(100)}${'1 _ _ _ _ '.repeat(40)}`,
      ]),
    ],
  },
  {
    rule: 'ServerRefusesSamples',
    crosses: ['inferward_store_refused_total 0+6x400', 'inferward_store_samples_total 0+94x400'],
    firesAt: 315,
    labels: {},
    says: 'The server refuses 6% of the samples it gets',
    nearly: [['inferward_store_refused_total 0+9x400', 'inferward_store_samples_total 0+191x400']],
  },
  {
    rule: 'ServerGetsMalformedInput',
    crosses: ['inferward_ingest_malformed_total 0x29 1x400'],
    firesAt: 30,
    resolvesAt: 330,
    labels: {},
    says: 'The server got frames it does not understand',
    nearly: [['inferward_ingest_malformed_total 7x400']],
  },
  {
    rule: 'ServerRefusesAgents',
    crosses: ['inferward_session_refused_total 0x29 6x100'],
    firesAt: 30,
    labels: {},
    says: 'The server turns agents away',
    nearly: [['inferward_session_refused_total 0x29 5x100']],
  },
  {
    // The last frame at 29 s; nothing moved in the minute before 90 s, told a minute later.
    rule: 'ServerStoresNothing',
    crosses: ['inferward_session_open 1x200', 'inferward_ingest_frames_total 0+5x29 145x160 146x10'],
    firesAt: 150,
    resolvesAt: 195,
    labels: {},
    says: 'Agents are connected (1), and nothing is stored',
    nearly: [
      ['inferward_session_open 0x200', 'inferward_ingest_frames_total 0x200'],
      ['inferward_session_open 2x240', 'inferward_ingest_frames_total 0x60 1x100 2x80'],
    ],
  },
  {
    rule: 'RuleLostItsData',
    step: 15,
    crosses: [
      'inferward_rule_blind{group="gpu",rule="Hot"} 0x9 1x60 0x10',
      'inferward_rule_blind{group="gpu",rule="Cold"} 1x80',
    ],
    firesAt: 450,
    resolvesAt: 1065,
    labels: { group: 'gpu', rule: 'Hot' },
    says: 'Rule Hot has lost the data it needs',
    nearly: [
      // It never had any.
      ['inferward_rule_blind{group="gpu",rule="Hot"} 1x80'],
      ['inferward_rule_blind{group="gpu",rule="Hot"} 0x9 1x19 0x40'],
    ],
  },
  {
    rule: 'RuleFailing',
    step: 15,
    crosses: ['inferward_rule_failing{group="gpu",rule="Hot"} 0x9 1x60 0x10'],
    firesAt: 450,
    resolvesAt: 1065,
    labels: { group: 'gpu', rule: 'Hot' },
    says: 'Rule Hot fails at every evaluation',
    nearly: [['inferward_rule_failing{group="gpu",rule="Hot"} 0x9 1x19 0x40']],
  },
  {
    rule: 'GpuUtilizationHigh',
    crosses: [`inferward_gpu_utilization_ratio{${g}} 0.5x29 0.91x400`],
    firesAt: 330,
    labels: gpu,
    says: 'GPU 0 on gpu-1 is 91% busy',
    nearly: [
      [`inferward_gpu_utilization_ratio{${g}} 0.9x430`],
      [`inferward_gpu_utilization_ratio{${g}} 1x299 0.5x130`],
    ],
  },
  {
    rule: 'GpuSaturated',
    crosses: [`inferward_gpu_utilization_ratio{${g}} 0.96x400`],
    firesAt: 300,
    labels: gpu,
    says: 'GPU 0 on gpu-1 has no room left (96% over 15 min)',
    nearly: [[`inferward_gpu_utilization_ratio{${g}} 0.94x400`]],
  },
  {
    rule: 'GpuMemoryHigh',
    crosses: [`inferward_gpu_memory_used_bytes{${g}} 50x29 91x400`, `inferward_gpu_memory_total_bytes{${g}} 100x430`],
    firesAt: 330,
    labels: gpu,
    says: 'GPU 0 on gpu-1 has 91% of its memory in use',
    nearly: [[`inferward_gpu_memory_used_bytes{${g}} 90x430`, `inferward_gpu_memory_total_bytes{${g}} 100x430`]],
  },
  {
    rule: 'ModelFlopsUtilizationLow',
    crosses: [`inference_model_flops_utilization_ratio{${m}} 0.64x400`, `inference_running_requests{${m}} 1x400`],
    firesAt: 300,
    labels: model,
    says: 'tiny on gpu-1/default uses 64% of the FLOPs it could',
    nearly: [
      [`inference_model_flops_utilization_ratio{${m}} 0.65x400`, `inference_running_requests{${m}} 3x400`],
      [`inference_model_flops_utilization_ratio{${m}} 0.1x400`, `inference_running_requests{${m}} 0x400`],
    ],
  },
  {
    rule: 'RequestLatencyHigh',
    crosses: [
      `inference_request_duration_seconds_sum{${m}} 0+0.6x100`,
      `inference_request_duration_seconds_count{${m}} 0+1x100`,
    ],
    firesAt: 75,
    labels: model,
    says: 'Requests to tiny on gpu-1/default take 600ms on average',
    nearly: [
      [
        `inference_request_duration_seconds_sum{${m}} 0+0.49x100`,
        `inference_request_duration_seconds_count{${m}} 0+1x100`,
      ],
    ],
  },
  {
    rule: 'RequestLatencyP99High',
    crosses: [
      `inference_request_duration_seconds_bucket{${m},le="0.032"} 0+96x100`,
      `inference_request_duration_seconds_bucket{${m},le="0.064"} 0+100x100`,
      `inference_request_duration_seconds_bucket{${m},le="+Inf"} 0+100x100`,
    ],
    firesAt: 75,
    labels: model,
    says: 'P99 of tiny on gpu-1/default is 56ms',
    nearly: [
      [
        `inference_request_duration_seconds_bucket{${m},le="0.032"} 0+98x100`,
        `inference_request_duration_seconds_bucket{${m},le="0.064"} 0+100x100`,
        `inference_request_duration_seconds_bucket{${m},le="+Inf"} 0+100x100`,
      ],
    ],
  },
  {
    rule: 'RequestErrorRateHigh',
    crosses: [requests('ok', '0+178x100'), requests('error', '0+1x100'), requests('timeout', '0+1x100')],
    firesAt: 75,
    labels: model,
    says: '1.111% of the requests to tiny on gpu-1/default fail',
    nearly: [[requests('ok', '0+109x100'), requests('error', '0+1x100')]],
  },
  {
    rule: 'RequestTimeoutRatioHigh',
    crosses: [requests('ok', '0+94x100'), requests('timeout', '0+6x100')],
    firesAt: 75,
    labels: model,
    says: '6% of the requests to tiny on gpu-1/default time out',
    nearly: [[requests('ok', '0+185x100'), requests('error', '0+6x100'), requests('timeout', '0+9x100')]],
  },
  {
    rule: 'QueueLong',
    crosses: [`inference_waiting_requests{${m}} 0x29 51x100`],
    firesAt: 90,
    labels: model,
    says: '51 requests wait for tiny on gpu-1/default',
    nearly: [[`inference_waiting_requests{${m}} 50x130`]],
  },
  {
    rule: 'MemoryFragmentationHigh',
    crosses: [`inference_memory_fragmentation_ratio{${m}} 0.1x29 0.31x400`],
    firesAt: 330,
    labels: model,
    says: 'KV memory of tiny on gpu-1/default is 31% fragmented',
    nearly: [[`inference_memory_fragmentation_ratio{${m}} 0.3x430`]],
  },
  {
    rule: 'MemoryReservedActiveHigh',
    crosses: [`inference_memory_reserved_active_ratio{${m}} 1.2x29 1.6x700`],
    firesAt: 630,
    labels: model,
    says: 'tiny on gpu-1/default holds 1.6 times the KV memory it uses',
    nearly: [[`inference_memory_reserved_active_ratio{${m}} 1.5x730`]],
  },
  {
    rule: 'HostMemoryHigh',
    crosses: memory('50x29 9x400'),
    firesAt: 330,
    labels: host,
    says: 'Host gpu-1 has 91% of its memory in use',
    nearly: [memory('10x430')],
  },
  {
    rule: 'NetworkThroughputLow',
    crosses: ['inferward_network_throughput_bytes_per_second{host="gpu-1",peer="gpu-2"} 8e9x29 4.9e9x40'],
    firesAt: 30,
    labels: { ...host, peer: 'gpu-2' },
    says: 'gpu-1 sends to gpu-2 at 4.9GB/s only',
    nearly: [['inferward_network_throughput_bytes_per_second{host="gpu-1",peer="gpu-2"} 5e9x60']],
  },
  {
    rule: 'NetworkLatencyHigh',
    crosses: ['inferward_network_latency_seconds{host="gpu-1",peer="gpu-2"} 0.001x29 0.0021x40'],
    firesAt: 30,
    labels: { ...host, peer: 'gpu-2' },
    says: 'From gpu-1 to gpu-2 and back takes 2.1ms',
    nearly: [['inferward_network_latency_seconds{host="gpu-1",peer="gpu-2"} 0.002x60']],
  },
]
