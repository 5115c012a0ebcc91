// The `inference_*` vocabulary: what every make of engine is normalised to, and what our own engine shows directly.

import type { Metric } from './metric.ts'

/** 1 ms · 2^k up to 131 s: fine enough for a small model, long enough for a large one. */
export const latencyBuckets: readonly number[] = Array.from({ length: 18 }, (_, k) => 0.001 * 2 ** k)
export const batchBuckets: readonly number[] = [1, 2, 4, 8, 16, 32, 64, 128, 256]

const model = ['model'] as const
const engine = (entry: Omit<Metric, 'from' | 'when'> & Partial<Pick<Metric, 'when'>>): Metric => ({
  when: 'always',
  ...entry,
  from: 'engine',
})

export const engineMetrics: readonly Metric[] = [
  engine({
    name: 'inference_requests_total',
    type: 'counter',
    unit: 'requests',
    // outcome: ok | error | timeout | cancelled | rejected | invalid
    labels: ['model', 'outcome'],
    help: { en: 'Requests by how they ended.', zh: '请求数,按结局分类。' },
  }),
  engine({
    name: 'inference_refused_connections_total',
    type: 'counter',
    unit: 'none',
    // reason: no_room | other_name | other_origin | body_bytes
    labels: ['model', 'reason'],
    help: {
      en: 'Connections that the listener ended before they became a request of the model.',
      zh: '尚未成为模型请求就被监听端结束的连接数。',
    },
  }),
  engine({
    name: 'inference_request_duration_seconds',
    type: 'histogram',
    unit: 'seconds',
    labels: model,
    buckets: latencyBuckets,
    help: {
      en: 'Time from receipt to the last token of requests that ended ok.',
      zh: '成功请求从接收到最后一个 token 的时间。',
    },
  }),
  engine({
    name: 'inference_time_to_first_token_seconds',
    type: 'histogram',
    unit: 'seconds',
    labels: model,
    buckets: latencyBuckets,
    help: { en: 'Time from receipt to the first token.', zh: '从接收到首个 token 的时间(TTFT)。' },
  }),
  engine({
    name: 'inference_time_per_output_token_seconds',
    type: 'histogram',
    unit: 'seconds',
    labels: model,
    buckets: latencyBuckets,
    help: {
      en: 'Mean time per output token after the first, one observation a request.',
      zh: '首个 token 之后每个输出 token 的平均时间(TPOT)。',
    },
  }),
  engine({
    name: 'inference_queue_time_seconds',
    type: 'histogram',
    unit: 'seconds',
    labels: model,
    buckets: latencyBuckets,
    help: { en: 'Time a request waited before its first step.', zh: '请求在首次计算之前的排队时间。' },
  }),
  engine({
    name: 'inference_batch_size',
    type: 'histogram',
    unit: 'requests',
    labels: model,
    buckets: batchBuckets,
    help: {
      en: 'Requests computed together, one observation a step: the real batch size.',
      zh: '每一步实际一起计算的请求数(真实批大小)。',
    },
  }),
  engine({
    name: 'inference_output_confidence_ratio',
    type: 'histogram',
    unit: 'ratio',
    labels: model,
    buckets: [0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95],
    help: {
      en: 'Mean probability of the chosen tokens, one observation a response.',
      zh: '每个回答中所选 token 的平均概率(输出置信度)。',
    },
  }),
  engine({
    name: 'inference_running_requests',
    type: 'gauge',
    unit: 'requests',
    labels: model,
    help: { en: 'Requests in the running batch.', zh: '正在计算的请求数。' },
  }),
  engine({
    name: 'inference_waiting_requests',
    type: 'gauge',
    unit: 'requests',
    labels: model,
    help: { en: 'Requests waiting for admission: the queue length.', zh: '等待中的请求数(队列长度)。' },
  }),
  engine({
    name: 'inference_queue_capacity_requests',
    type: 'gauge',
    unit: 'requests',
    labels: model,
    help: {
      en: 'Most requests that may wait; past it the engine answers 429.',
      zh: '最多可排队的请求数,超过则返回 429。',
    },
  }),
  engine({
    name: 'inference_prompt_tokens_total',
    type: 'counter',
    unit: 'tokens',
    labels: model,
    help: { en: 'Prompt tokens computed.', zh: '已计算的提示 token 数。' },
  }),
  engine({
    name: 'inference_generated_tokens_total',
    type: 'counter',
    unit: 'tokens',
    labels: model,
    help: { en: 'Tokens generated.', zh: '已生成的 token 数。' },
  }),
  engine({
    name: 'inference_steps_total',
    type: 'counter',
    unit: 'none',
    labels: model,
    help: {
      en: 'Engine steps; standing still with work waiting means a hang.',
      zh: '引擎步数;有请求等待而步数不动即为挂死。',
    },
  }),
  engine({
    name: 'inference_preemptions_total',
    type: 'counter',
    unit: 'none',
    labels: model,
    help: {
      en: 'Running requests put back into the queue for lack of KV memory.',
      zh: '因 KV 内存不足被放回队列的请求数。',
    },
  }),
  engine({
    name: 'inference_kv_used_ratio',
    type: 'gauge',
    unit: 'ratio',
    labels: model,
    help: { en: 'Part of the KV pool in use.', zh: 'KV 池使用比例。' },
  }),
  engine({
    name: 'inference_kv_active_bytes',
    type: 'gauge',
    unit: 'bytes',
    labels: model,
    help: { en: 'KV memory held by live requests.', zh: '活动请求占用的 KV 内存。' },
  }),
  engine({
    name: 'inference_kv_reserved_bytes',
    type: 'gauge',
    unit: 'bytes',
    labels: model,
    help: { en: 'KV memory mapped from the system.', zh: '已向系统申请的 KV 内存。' },
  }),
  engine({
    name: 'inference_memory_fragmentation_ratio',
    type: 'gauge',
    unit: 'ratio',
    labels: model,
    help: {
      en: '1 - active/reserved of the KV pool; absent while nothing is reserved.',
      zh: 'KV 池碎片率 1 - active/reserved;未占用时不出现。',
    },
    when: 'first_use',
  }),
  engine({
    name: 'inference_memory_reserved_active_ratio',
    type: 'gauge',
    unit: 'ratio',
    labels: model,
    help: {
      en: 'reserved/active of the KV pool; absent while nothing is active.',
      zh: 'KV 池 reserved/active 之比;无活动请求时不出现。',
    },
    when: 'first_use',
  }),
  engine({
    name: 'inference_weight_bytes',
    type: 'gauge',
    unit: 'bytes',
    labels: model,
    help: { en: 'Bytes of weights loaded.', zh: '已加载的权重字节数。' },
  }),
  engine({
    name: 'inference_model_flops_utilization_ratio',
    type: 'gauge',
    unit: 'ratio',
    labels: model,
    help: { en: 'Model FLOPs utilisation against the measured peak.', zh: '相对实测峰值的模型算力利用率(MFU)。' },
    when: 'configured',
  }),
  engine({
    name: 'inference_ready',
    type: 'gauge',
    unit: 'none',
    labels: model,
    help: { en: '1 when the model is loaded and the engine accepts requests.', zh: '模型已加载并接受请求时为 1。' },
  }),
]
