// `relabel_configs` as Prometheus writes them, of targets, of scraped samples and of what is sent on. What Prometheus refuses is refused here.

import { z } from 'zod'
import { compilePattern } from '../../core/promql/pattern.ts'

const actions = [
  'replace',
  'keep',
  'drop',
  'keepequal',
  'dropequal',
  'hashmod',
  'labelmap',
  'labeldrop',
  'labelkeep',
  'lowercase',
  'uppercase',
] as const
export type RelabelAction = (typeof actions)[number]

export const labelName = z
  .string()
  .min(1)
  .max(1000)
  .refine((name) => !/[\0\p{Cs}]/u.test(name), { error: 'not a label name' })

const rule = z
  .object({
    source_labels: z.array(labelName).max(100).optional(),
    separator: z.string().max(1000).optional(),
    target_label: z.string().max(1000).optional(),
    regex: z.string().optional(),
    modulus: z.number().int().min(0).max(Number.MAX_SAFE_INTEGER).optional(),
    replacement: z.string().max(10_000).optional(),
    action: z
      .string()
      .toLowerCase()
      .pipe(z.enum(actions, { error: `one of ${actions.join(', ')}` }))
      .default('replace'),
  })
  .strict()
  .superRefine((one, context) => {
    const fault = (key: keyof typeof one, message: string): void =>
      context.addIssue({ code: 'custom', path: [key], message })
    try {
      compilePattern(one.regex ?? '')
    } catch (error) {
      fault('regex', (error as Error).message)
    }
    const { action } = one
    const only = (...allowed: readonly (keyof typeof one)[]): void => {
      for (const key of Object.keys(one) as (keyof typeof one)[])
        if (key !== 'action' && !allowed.includes(key)) fault(key, `means nothing for ${action}`)
    }
    if (writing.has(action) && (one.target_label ?? '') === '') fault('target_label', `${action} needs one`)
    if (action === 'hashmod' && (one.modulus ?? 0) === 0) fault('modulus', 'hashmod needs one that is not 0')
    if (action === 'keepequal' || action === 'dropequal') only('source_labels', 'target_label')
    if (action === 'labeldrop' || action === 'labelkeep') only('regex')
    if ((action === 'lowercase' || action === 'uppercase') && one.replacement !== undefined)
      fault('replacement', `means nothing for ${action}`)
  })

const writing: ReadonlySet<RelabelAction> = new Set([
  'replace',
  'hashmod',
  'lowercase',
  'uppercase',
  'keepequal',
  'dropequal',
])

/** Left out and empty are the same. */
export const relabelConfigs = z
  .array(rule)
  .max(1000)
  .nullish()
  .transform((rules) => rules ?? [])
export type RelabelConfig = z.infer<typeof rule>
