// What the server says of itself. Every loop shows runs, failures and duration; every queue its length and drops by reason.

import type { Metric } from './metric.ts'

const server = (entry: Omit<Metric, 'from' | 'when'> & Partial<Pick<Metric, 'when'>>): Metric => ({
  when: 'always',
  ...entry,
  from: 'server',
})

const storageRows: readonly Metric[] = (
  [
    ['wal_bytes', 'gauge', 'bytes', 'Bytes of the write-ahead log on disk.', '预写日志在磁盘上的字节数。'],
    [
      'wal_failures_total',
      'counter',
      'none',
      'Writes to the log that failed; their samples were refused.',
      '写入日志失败的次数,相应样本被拒绝。',
    ],
    ['snapshots_total', 'counter', 'none', 'Snapshots of the memory written.', '已写出的内存快照数。'],
    ['snapshot_failures_total', 'counter', 'none', 'Snapshots that could not be written.', '未能写出的内存快照数。'],
    [
      'recovery_seconds',
      'gauge',
      'seconds',
      'Time the last start took to read what was kept.',
      '上次启动读取已保存数据所用的时间。',
    ],
    ['blocks', 'gauge', 'none', 'Blocks on disk.', '磁盘上的块数。'],
    ['block_bytes', 'gauge', 'bytes', 'Bytes of blocks on disk.', '磁盘上块的字节数。'],
    [
      'block_failures_total',
      'counter',
      'none',
      'Times that blocks could not be written or merged.',
      '块写入或合并失败的次数。',
    ],
    [
      'damaged_chunks_total',
      'counter',
      'none',
      'Chunks of blocks left out of answers because they failed their check.',
      '因校验失败而未计入结果的块内数据段数。',
    ],
    [
      'damaged_parts',
      'gauge',
      'none',
      'Parts of the store found damaged, set aside where they could be.',
      '发现损坏(能隔离的已隔离)的存储部分数。',
    ],
  ] as const
).map(([name, type, unit, en, zh]) =>
  server({ name: `inferward_store_${name}`, type, unit, labels: [], help: { en, zh } }),
)

const rows: readonly [name: string, type: 'counter' | 'gauge', labels: readonly string[], en: string, zh: string][] = [
  ['rules_evaluations_total', 'counter', [], 'Evaluations of rule groups.', '规则组求值次数。'],
  ['rules_failures_total', 'counter', [], 'Evaluations of single rules that failed.', '单条规则求值失败次数。'],
  ['rules_missed_total', 'counter', [], 'Evaluation times that passed without an evaluation.', '错过的求值时刻数。'],
  ['rules_evaluation_seconds_total', 'counter', [], 'Time spent in evaluations.', '规则求值总耗时。'],
  [
    'rules_blind',
    'gauge',
    [],
    'Rules whose data is missing: they say neither yes nor no.',
    '因数据缺失而无法判断的规则数。',
  ],
  ['rules_reloads_total', 'counter', [], 'Times that rule files were read again.', '重新读取规则文件的次数。'],
  [
    'rules_reload_failures_total',
    'counter',
    [],
    'Times that rule files could not be read again; those in force stayed.',
    '重新读取规则文件失败的次数;原有规则继续生效。',
  ],
  ['rules_reload_ok', 'gauge', [], '0 when the last reading of rule files failed.', '最近一次读取规则文件失败时为 0。'],
  ['rules_unlisted', 'gauge', [], 'Rules beyond those whose cost is told one by one.', '未逐条给出开销的规则数。'],
  [
    'rules_early_total',
    'counter',
    [],
    'Evaluations of rule groups that new samples caused, between the times of the grid.',
    '由新样本触发、在固定时刻之间进行的规则组求值次数。',
  ],
  [
    'rules_standing_ratio',
    'gauge',
    [],
    'Share of rule evaluations answered by compiled plans since the start.',
    '自启动以来由编译计划完成的规则求值占比。',
  ],
  [
    'rules_selfcheck_total',
    'counter',
    [],
    'Planned rule evaluations that were also worked out in full.',
    '经完整求值复核的计划求值次数。',
  ],
  [
    'rules_selfcheck_differences_total',
    'counter',
    [],
    'Planned rule evaluations that differed from the full one.',
    '与完整求值结果不一致的计划求值次数。',
  ],
  [
    'host_rules_hosts',
    'gauge',
    ['owner'],
    'Hosts by who works out their host-local rules.',
    '按本机规则的计算方分类的主机数。',
  ],
  [
    'host_rules_taken_over_total',
    'counter',
    [],
    'Hosts whose rules the server took over from a silent agent.',
    '因 agent 失联而由服务端接管规则的次数。',
  ],
  [
    'host_rules_left_out_total',
    'counter',
    [],
    'Changes told by agents that were known already, or of a rule no longer in force.',
    'agent 上报但已知或规则已失效的告警变化数。',
  ],
  [
    'host_rules_corrected_total',
    'counter',
    [],
    'Alerts put right by the statement of an agent.',
    '依据 agent 的完整声明而更正的告警数。',
  ],
  [
    'host_rules_malformed_total',
    'counter',
    [],
    'Records about rules that were not understood.',
    '无法解析的规则记录数。',
  ],
  ['alert_firing', 'gauge', [], 'Alerts that fire.', '正在触发的告警数。'],
  ['alert_waiting', 'gauge', [], 'Changes of alerts that wait to be written.', '等待写入的告警变化数。'],
  ['alert_refused_total', 'counter', [], 'Changes of alerts that could not be kept.', '未能保存的告警变化数。'],
  ['alert_posted_total', 'counter', [], 'Alerts that others posted.', '外部提交的告警数。'],
  [
    'alert_posted_refused_total',
    'counter',
    [],
    'Posted alerts that were wrong, or too many.',
    '因有误或过多而被拒绝的外部告警数。',
  ],
  [
    'alert_posted_held',
    'gauge',
    [],
    'Posted alerts that are held, ended ones included.',
    '持有的外部告警数,含已结束的。',
  ],
  ['alert_posted_waiting', 'gauge', [], 'Posted requests that wait to be written.', '等待写入的外部提交数。'],
  ['dispatch_groups', 'gauge', [], 'Groups of alerts.', '告警分组数。'],
  ['dispatch_silences', 'gauge', ['state'], 'Silences, by state.', '静默数,按状态。'],
  [
    'dispatch_silences_refused_total',
    'counter',
    [],
    'Silences that were asked for and not made.',
    '被拒绝的静默请求数。',
  ],
  [
    'dispatch_flushes_total',
    'counter',
    [],
    'Times that groups were looked at for something to tell.',
    '分组发送检查次数。',
  ],
  ['dispatch_flush_failures_total', 'counter', [], 'Looks that failed and are made again.', '失败并将重试的检查次数。'],
  ['query_running', 'gauge', [], 'Queries of the API at work.', '正在执行的 API 查询数。'],
  ['query_waiting', 'gauge', [], 'Queries of the API that wait for their turn.', '排队等待的 API 查询数。'],
  ['query_total', 'counter', [], 'Queries of the API that got their turn.', '已执行的 API 查询次数。'],
  [
    'query_refused_total',
    'counter',
    [],
    'Queries of the API turned away: too many at once.',
    '因并发过多被拒绝的 API 查询次数。',
  ],
  [
    'query_late_total',
    'counter',
    [],
    'Queries of the API whose time passed in the queue.',
    '排队超时的 API 查询次数。',
  ],
  ['scrape_targets', 'gauge', [], 'Targets that are scraped.', '正在抓取的目标数。'],
  ['scrape_runs_total', 'counter', [], 'Scrapes of targets.', '抓取次数。'],
  [
    'scrape_failures_total',
    'counter',
    [],
    'Scrapes that brought no page, or one that was refused.',
    '未取得页面或页面被拒绝的抓取次数。',
  ],
  ['scrape_missed_total', 'counter', [], 'Scrape times that passed without a scrape.', '错过的抓取时刻数。'],
  ['scrape_lost_total', 'counter', [], 'Scraped pages that the store could not take.', '存储未能接收的抓取页面数。'],
]
const remoteRows: readonly Metric[] = (
  [
    ['sent_total', 'counter', 'Samples that another server has taken.', '已被另一服务器接收的样本数。'],
    ['refused_total', 'counter', 'Samples that another server refused for good.', '被另一服务器永久拒绝的样本数。'],
    ['retries_total', 'counter', 'Requests that failed and were made again.', '失败后重试的请求数。'],
    [
      'dropped_total',
      'counter',
      'Bodies given up unsent: no room, or damaged.',
      '因空间不足或损坏而放弃发送的数据体数。',
    ],
    ['waiting', 'gauge', 'Bodies that wait to be sent.', '等待发送的数据体数。'],
  ] as const
).map(([name, type, en, zh]) =>
  server({
    name: `inferward_remote_write_${name}`,
    type,
    unit: 'none',
    labels: ['remote'],
    help: { en, zh },
    when: 'configured',
  }),
)
const ruleRows = (
  [
    ['evaluation_seconds', 'Duration of the rule at its last evaluation.', '规则最近一次求值的耗时。'],
    [
      'samples_read',
      'Samples that one evaluation of the rule reads, as last measured.',
      '规则一次求值读取的样本数(最近测得)。',
    ],
    ['series', 'Series that the rule wrote at its last evaluation.', '规则最近一次求值写入的序列数。'],
    ['failing', '1 while the last evaluation of the rule failed.', '规则最近一次求值失败时为 1。'],
    ['blind', '1 while the data that the rule needs is missing.', '缺少规则所需的数据时为 1。'],
  ] as const
).map(([name, en, zh]) =>
  server({
    name: `inferward_rule_${name}`,
    type: 'gauge',
    unit: name === 'evaluation_seconds' ? 'seconds' : 'none',
    labels: ['group', 'rule'],
    help: { en, zh },
    when: 'first_use',
  }),
)
const channelRows: readonly Metric[] = [
  server({
    name: 'inferward_notify_attempts_total',
    type: 'counter',
    unit: 'none',
    labels: ['kind', 'result', 'code'],
    help: {
      en: 'Attempts to send, by kind of channel, result and code.',
      zh: '发送尝试次数,按渠道类型、结果与代码分类。',
    },
    when: 'first_use',
  }),
  server({
    name: 'inferward_notify_merged_total',
    type: 'counter',
    unit: 'none',
    labels: ['kind'],
    help: { en: 'Messages that travelled in a digest instead.', zh: '并入汇总消息的消息数。' },
    when: 'first_use',
  }),
  server({
    name: 'inferward_notify_spilled_total',
    type: 'counter',
    unit: 'none',
    labels: ['kind'],
    help: { en: 'Messages that another channel took over.', zh: '由备用通道代发的消息数。' },
    when: 'first_use',
  }),
  server({
    name: 'inferward_notify_template_faults_total',
    type: 'counter',
    unit: 'none',
    labels: [],
    help: {
      en: 'Messages that went out in the words of the program since a template of theirs failed.',
      zh: '因模板出错而改用内置文本发出的消息数。',
    },
  }),
  server({
    name: 'inferward_notify_waiting',
    type: 'gauge',
    unit: 'none',
    labels: ['channel'],
    help: { en: 'Messages that wait to be sent, by channel.', zh: '等待发送的消息数,按渠道分类。' },
    when: 'configured',
  }),
  server({
    name: 'inferward_notify_heartbeats_total',
    type: 'counter',
    unit: 'none',
    // result: sent | failed | withheld
    labels: ['result'],
    help: {
      en: 'Heartbeats by result; withheld: something kept alerts from people.',
      zh: '心跳次数,按结果分类;withheld:存在使告警无法送达的问题,因而未发送。',
    },
  }),
]

export const serverMetrics: readonly Metric[] = [
  ...ruleRows,
  ...rows.map(([name, type, labels, en, zh]) =>
    server({
      name: `inferward_${name}`,
      type,
      unit: name.includes('_seconds') ? 'seconds' : name.endsWith('_ratio') ? 'ratio' : 'none',
      labels,
      help: { en, zh },
    }),
  ),
  ...channelRows,
  ...remoteRows,
  ...storageRows,
  server({
    name: 'inferward_server_info',
    type: 'gauge',
    unit: 'none',
    labels: ['version'],
    help: { en: 'Always 1; the version is the label.', zh: '恒为 1,版本在标签中。' },
  }),
  server({
    name: 'inferward_store_series',
    type: 'gauge',
    unit: 'none',
    labels: [],
    help: { en: 'Series held in memory.', zh: '内存中的序列数。' },
  }),
  server({
    name: 'inferward_store_samples_total',
    type: 'counter',
    unit: 'none',
    labels: [],
    help: { en: 'Samples taken in.', zh: '已接收的样本数。' },
  }),
  server({
    name: 'inferward_store_refused_total',
    type: 'counter',
    unit: 'none',
    labels: [],
    help: { en: 'Samples refused: out of order, duplicate, past a limit.', zh: '被拒绝的样本数:乱序、重复或超限。' },
  }),
  server({
    name: 'inferward_ingest_frames_total',
    type: 'counter',
    unit: 'none',
    labels: [],
    help: { en: 'Stream frames from agents.', zh: '来自 agent 的数据帧数。' },
  }),
  server({
    name: 'inferward_ingest_events_total',
    type: 'counter',
    unit: 'none',
    labels: [],
    help: { en: 'New events stored.', zh: '新写入的事件数。' },
  }),
  server({
    name: 'inferward_ingest_malformed_total',
    type: 'counter',
    unit: 'none',
    labels: [],
    help: { en: 'Frames and messages that were not understood.', zh: '无法解析的帧与消息数。' },
  }),
  server({
    name: 'inferward_ingest_clamped_total',
    type: 'counter',
    unit: 'none',
    labels: [],
    help: {
      en: 'Events of agents whose time could not be, kept at the time they came.',
      zh: '时间不合理、改按到达时间保存的 agent 事件数。',
    },
  }),
  server({
    name: 'inferward_session_open',
    type: 'gauge',
    unit: 'none',
    labels: [],
    help: { en: 'Agent sessions open.', zh: '当前的 agent 会话数。' },
  }),
  server({
    name: 'inferward_session_refused_total',
    type: 'counter',
    unit: 'none',
    labels: ['reason'],
    help: { en: 'Agent connections refused, by reason.', zh: '被拒绝的 agent 连接数,按原因分类。' },
  }),
]
