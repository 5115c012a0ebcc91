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
]
