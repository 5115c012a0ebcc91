// What the server says of itself. Every loop shows runs, failures and duration; every queue its length and drops by reason.

import type { Metric } from './metric.ts'

const server = (entry: Omit<Metric, 'from' | 'when'> & Partial<Pick<Metric, 'when'>>): Metric => ({
  when: 'always',
  ...entry,
  from: 'server',
})

export const serverMetrics: readonly Metric[] = [
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
    labels: [],
    help: { en: 'Agent connections refused.', zh: '被拒绝的 agent 连接数。' },
  }),
]
