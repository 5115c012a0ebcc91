// Notifications for the tests of this room, built from little: what a case does not name is the same everywhere.

import type { Alert } from '../../../server/alert/alert.ts'
import type { Notification } from '../../../server/dispatch/notification.ts'

export const at = Date.UTC(2026, 10, 21, 2, 10, 0)

export function alert(more: Partial<Alert> = {}): Alert {
  return {
    fingerprint: 'c0ffee0000000001',
    labels: {
      alertname: 'GpuTooHot',
      severity: 'critical',
      host: 'gpu-01',
      engine: 'default',
      model: 'deepseek_v2',
      gpu: '3',
    },
    annotations: {
      summary: 'GPU 3 温度过高',
      description: '已超过 90 度 5 分钟',
      value: '93',
      runbook_url: 'https://docs.example.org/runbooks/gpu-too-hot',
    },
    startsAt: Date.UTC(2026, 10, 21, 2, 0, 0),
    endsAt: null,
    updatedAt: at,
    generatorUrl: 'http://127.0.0.1:9700/graph?g0.expr=gpu_temperature_celsius+%3E+90',
    source: 'rules',
    ...more,
  }
}

const common = (records: readonly Readonly<Record<string, string>>[]): Record<string, string> =>
  Object.fromEntries(
    Object.entries(records[0] ?? {}).filter(([key, value]) => records.every((one) => one[key] === value)),
  )

export function notification(alerts: readonly Alert[] = [alert()], more: Partial<Notification> = {}): Notification {
  const resolved = alerts.every((one) => one.endsAt !== null)
  return {
    id: '01JD000000000000000000TEST',
    receiver: 'oncall',
    groupKey: '{}:{alertname="GpuTooHot"}',
    reason: resolved ? 'all_resolved' : 'first',
    status: resolved ? 'resolved' : 'firing',
    groupLabels: { alertname: 'GpuTooHot' },
    commonLabels: common(alerts.map((one) => one.labels)),
    commonAnnotations: common(alerts.map((one) => one.annotations)),
    alerts,
    truncated: 0,
    externalUrl: 'http://127.0.0.1:9700',
    at,
    ...more,
  }
}

/** `count` firing alerts on hosts of their own, with a Chinese summary each. */
export function many(count: number, summary = '显存碎片率过高,请检查'): readonly Alert[] {
  return Array.from({ length: count }, (_, n) =>
    alert({
      fingerprint: String(n).padStart(16, '0'),
      labels: { alertname: 'GpuTooHot', severity: 'critical', host: `gpu-${String(n).padStart(2, '0')}` },
      annotations: { summary: `${summary} ${n}`, value: String(90 + n) },
      generatorUrl: '',
    }),
  )
}
