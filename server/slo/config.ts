// Objectives as a user writes them: which requests were good, of how many, how many of them must be, over how long.

import { z } from 'zod'
import { errorText } from '../../core/base/errors.ts'
import { duration } from '../../core/base/schema.ts'
import { parseSelector } from '../../core/promql/parser.ts'
import { printNode } from '../../core/promql/print.ts'

const day = 86_400_000

/** A selector of counters in its canonical form. */
const counters = z.string('write a selector of counters').transform((text, context) => {
  try {
    return printNode(parseSelector(text))
  } catch (error) {
    context.addIssue({ code: 'custom', message: `not a selector of counters: ${errorText(error)}` })
    return z.NEVER
  }
})
/** Labels that the generated rules use themselves. */
const taken = ['slo', 'window', 'le', 'severity', 'alertname', '__name__']

export const slo = z
  .object({
    name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, { error: 'lower-case letters, digits and hyphens' }),
    description: z.string().max(500).default(''),
    /** Percent of requests that must be good. */
    target: z
      .number()
      .lt(100, { error: 'a target of 100 leaves no budget: nothing could ever be changed' })
      .refine((value) => value === 0 || value >= 1, { error: 'the target is in percent: write 99.9, not 0.999' })
      .refine((value) => value > 0, { error: 'must be more than 0' }),
    window: duration
      .default(7 * day)
      .refine((ms) => ms >= day && ms <= 90 * day, { error: 'must be 1d to 90d' })
      .refine((ms) => ms % 300_000 === 0, { error: 'must be a multiple of 5m' }),
    good: counters,
    total: counters,
    /** One budget for each combination of these labels; none: one budget for all. */
    by: z
      .array(
        z
          .string()
          .regex(/^[a-zA-Z_][a-zA-Z0-9_]*$/, { error: 'not a label name' })
          .refine((name) => !taken.includes(name), { error: `${taken.join(', ')} cannot be used here` }),
      )
      .max(10)
      .refine((names) => new Set(names).size === names.length, { error: 'a label is named twice' })
      .default([]),
    /** A burn over fewer requests than these in its long window pages nobody. */
    min_requests: z.number().int().min(0).max(1_000_000_000).default(10),
  })
  .strict()
export type Slo = z.infer<typeof slo>

export const slos = z
  .array(slo)
  .max(200)
  .default([])
  .superRefine((list, context) => {
    const seen = new Set<string>()
    list.forEach(({ name }, index) => {
      if (seen.has(name))
        context.addIssue({ code: 'custom', path: [index, 'name'], message: `"${name}" is used twice` })
      seen.add(name)
    })
  })
