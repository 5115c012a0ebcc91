// What the agent says of its host, its GPUs and the engines it keeps. Everything it sends carries `host`; engine rows carry `engine`.

import type { Metric } from './metric.ts'

const agent = (entry: Omit<Metric, 'from' | 'when'> & Partial<Pick<Metric, 'when'>>): Metric => ({
  when: 'always',
  ...entry,
  from: 'agent',
})
const engine = ['engine'] as const

const loopRows: readonly [
  name: string,
  type: 'counter' | 'gauge',
  labels: readonly string[],
  en: string,
  zh: string,
][] = [
  ['collect_rounds_total', 'counter', [], 'Rounds of collection.', '采集轮数。'],
  [
    'collect_failures_total',
    'counter',
    [],
    'Reads of an engine or whole rounds that failed.',
    '读取引擎失败或整轮失败的次数。',
  ],
  ['collect_missed_total', 'counter', [], 'Rounds that were due and not made.', '错过的采集轮数。'],
  ['collect_round_seconds', 'gauge', [], 'Duration of the last round.', '最近一轮采集的耗时。'],
  ['uplink_connected', 'gauge', [], '1 while the server is connected.', '与服务端连接时为 1。'],
  ['uplink_connects_total', 'counter', [], 'Connections that the server welcomed.', '成功建立的连接次数。'],
  ['uplink_failures_total', 'counter', [], 'Connections that ended or never came about.', '连接中断或未建立的次数。'],
  [
    'uplink_spool_bytes',
    'gauge',
    [],
    'Bytes on disk that wait for the server or are kept for it.',
    '为服务端保留或等待发送的磁盘字节。',
  ],
  [
    'agent_listen_failures_total',
    'counter',
    [],
    'Attempts of the agent to listen on its own port that failed.',
    'agent 监听自身端口失败的次数。',
  ],
  [
    'agent_refused_total',
    'counter',
    ['reason'],
    'Connections and requests that the own port of the agent turned away.',
    'agent 自身端口拒绝的连接与请求数。',
  ],
  ['uplink_pending', 'gauge', ['stream'], 'Frames that the server has not acknowledged.', '服务端尚未确认的数据帧数。'],
  [
    'uplink_refused_total',
    'counter',
    ['stream'],
    'Frames that found no room in the spool.',
    '缓冲已满而被拒绝的数据帧数。',
  ],
]

export const agentMetrics: readonly Metric[] = [
  ...loopRows.map(([name, type, labels, en, zh]) =>
    agent({
      name: `inferward_${name}`,
      type,
      unit: name.endsWith('_seconds') ? 'seconds' : name.endsWith('_bytes') ? 'bytes' : 'none',
      labels,
      help: { en, zh },
    }),
  ),
  agent({
    name: 'inferward_engine_up',
    type: 'gauge',
    unit: 'none',
    labels: engine,
    help: {
      en: '1 when the engine serves, as proved by the last probe or by forward progress.',
      zh: '引擎经探测或前进计数证明可服务时为 1。',
    },
  }),
  agent({
    name: 'inferward_engine_wanted',
    type: 'gauge',
    unit: 'none',
    labels: engine,
    help: {
      en: '1 while the engine is meant to run; 0 once a person stopped it.',
      zh: '引擎应当运行时为 1;被人为停止后为 0。',
    },
  }),
  agent({
    name: 'inferward_engine_exits_total',
    type: 'counter',
    unit: 'none',
    labels: ['engine', 'cause'],
    help: {
      en: 'Lives of the engine that ended without being asked to, by cause.',
      zh: '引擎非预期结束的次数,按原因分类。',
    },
  }),
  agent({
    name: 'inferward_engine_down_cause',
    type: 'gauge',
    unit: 'none',
    labels: ['engine', 'cause'],
    help: {
      en: '1 for each cause of an outage of the engine that still lasts.',
      zh: '引擎当前故障尚未结束时,其各原因为 1。',
    },
  }),
  agent({
    name: 'inferward_engine_actions_total',
    type: 'counter',
    unit: 'none',
    labels: ['engine', 'action', 'result'],
    help: { en: 'Actions on the engine by result.', zh: '对引擎执行的动作,按结果分类。' },
  }),
  agent({
    name: 'inferward_engine_stalled_seconds',
    type: 'gauge',
    unit: 'seconds',
    labels: engine,
    help: {
      en: 'How long work has waited without forward progress; 0 while progress is seen.',
      zh: '有请求等待而无进展的时长;有进展时为 0。',
    },
  }),
  agent({
    name: 'inferward_engine_probe_failures',
    type: 'gauge',
    unit: 'none',
    labels: engine,
    help: { en: 'Health probes failed in a row.', zh: '连续失败的健康探测次数。' },
  }),
  agent({
    name: 'inferward_engine_probe_duration_seconds',
    type: 'gauge',
    unit: 'seconds',
    labels: engine,
    help: { en: 'Duration of the last probe.', zh: '最近一次探测的耗时。' },
    when: 'first_use',
  }),
  agent({
    name: 'inferward_engine_start_timestamp_seconds',
    type: 'gauge',
    unit: 'timestamp',
    labels: engine,
    help: { en: 'When the present life of the engine began.', zh: '引擎当前进程的启动时间。' },
    when: 'first_use',
  }),
  agent({
    name: 'inferward_engine_restart_budget_left',
    type: 'gauge',
    unit: 'none',
    labels: engine,
    help: {
      en: 'Actions the local policy may still take in the present window.',
      zh: '本窗口内本地策略还可执行的动作数。',
    },
  }),
  agent({
    name: 'inferward_engine_resident_bytes',
    type: 'gauge',
    unit: 'bytes',
    labels: engine,
    help: { en: 'Resident memory of the engine process.', zh: '引擎进程的常驻内存。' },
    when: 'first_use',
  }),
  agent({
    name: 'inferward_host_cpu_busy_ratio',
    type: 'gauge',
    unit: 'ratio',
    labels: [],
    help: {
      en: 'Part of all CPU time that was not idle since the last sample.',
      zh: '自上次采样以来非空闲 CPU 时间比例。',
    },
  }),
  agent({
    name: 'inferward_host_memory_total_bytes',
    type: 'gauge',
    unit: 'bytes',
    labels: [],
    help: { en: 'Memory of the host.', zh: '主机内存总量。' },
  }),
  agent({
    name: 'inferward_host_memory_available_bytes',
    type: 'gauge',
    unit: 'bytes',
    labels: [],
    help: { en: 'Memory available without swapping.', zh: '无需换页即可用的内存。' },
  }),
  agent({
    name: 'inferward_host_disk_total_bytes',
    type: 'gauge',
    unit: 'bytes',
    labels: [],
    help: { en: 'Size of the file system that holds the data folder.', zh: '数据目录所在文件系统的容量。' },
  }),
  agent({
    name: 'inferward_host_disk_free_bytes',
    type: 'gauge',
    unit: 'bytes',
    labels: [],
    help: { en: 'Free bytes of the file system that holds the data folder.', zh: '数据目录所在文件系统的剩余字节。' },
  }),
  agent({
    name: 'inferward_host_network_receive_bytes_total',
    type: 'counter',
    unit: 'bytes',
    labels: ['device'],
    help: { en: 'Bytes received by a network device.', zh: '网卡接收字节数。' },
  }),
  agent({
    name: 'inferward_host_network_transmit_bytes_total',
    type: 'counter',
    unit: 'bytes',
    labels: ['device'],
    help: { en: 'Bytes sent by a network device.', zh: '网卡发送字节数。' },
  }),
  agent({
    name: 'inferward_host_load1',
    type: 'gauge',
    unit: 'none',
    labels: [],
    help: { en: 'One-minute load average.', zh: '一分钟平均负载。' },
  }),
  agent({
    name: 'inferward_network_throughput_bytes_per_second',
    type: 'gauge',
    unit: 'bytes_per_second',
    labels: ['peer'],
    help: {
      en: 'Throughput to another host, from the last active test.',
      zh: '到另一主机的吞吐量(来自最近一次主动测试)。',
    },
    when: 'active_test',
  }),
  agent({
    name: 'inferward_network_latency_seconds',
    type: 'gauge',
    unit: 'seconds',
    labels: ['peer'],
    help: {
      en: 'Round-trip time to another host, from the last active test.',
      zh: '到另一主机的往返时延(来自最近一次主动测试)。',
    },
    when: 'active_test',
  }),
  agent({
    name: 'inferward_gpu_utilization_ratio',
    type: 'gauge',
    unit: 'ratio',
    labels: ['gpu', 'uuid', 'gpu_model'],
    help: {
      en: 'Part of time in which a kernel ran (DCGM field 203). A wedged GPU shows about 0.95 as well.',
      zh: 'GPU 有核函数运行的时间比例(DCGM 203);挂死的 GPU 也可能显示约 0.95。',
    },
    when: 'gpu',
  }),
  agent({
    name: 'inferward_gpu_memory_used_bytes',
    type: 'gauge',
    unit: 'bytes',
    labels: ['gpu', 'uuid', 'gpu_model'],
    help: { en: 'Frame-buffer memory in use (DCGM field 252).', zh: '显存已用(DCGM 252)。' },
    when: 'gpu',
  }),
  agent({
    name: 'inferward_gpu_memory_total_bytes',
    type: 'gauge',
    unit: 'bytes',
    labels: ['gpu', 'uuid', 'gpu_model'],
    help: { en: 'Frame-buffer memory (DCGM field 250).', zh: '显存总量(DCGM 250)。' },
    when: 'gpu',
  }),
]
