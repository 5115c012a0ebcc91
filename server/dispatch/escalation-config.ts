// Who is told of an alert that nobody acknowledges: after how long, and whom. The receivers are those of the routing file.

import { z } from 'zod'
import { duration } from '../../core/base/schema.ts'
import { type Matcher, parseMatchers } from './matcher.ts'
import { onCallSchedule } from './oncall-config.ts'

const matchers = z
  .array(z.string())
  .max(100)
  .transform((texts, context): readonly Matcher[] =>
    texts.flatMap((text, index) => {
      const parsed = parseMatchers(text)
      if (parsed.ok) return parsed.value
      context.addIssue({ code: 'custom', path: [index], message: parsed.fault })
      return []
    }),
  )

const after = duration.refine((ms) => ms <= 7 * 86_400_000, { error: 'must be at most 7d' })
const step = z.union([
  z.object({ after, receiver: z.string().min(1).max(200) }).strict(),
  z.object({ after, on_call: z.string().min(1).max(200) }).strict(),
])

const escalation = z
  .object({
    name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, { error: 'lower-case letters, digits and hyphens' }),
    /** Of the alerts it is for; none: every alert. */
    matchers: matchers.default([]),
    steps: z.array(step).min(1).max(20),
  })
  .strict()
export type EscalationConfig = z.infer<typeof escalation>

const distinct = (list: readonly { readonly name: string }[], context: z.RefinementCtx): void =>
  list.forEach(({ name }, index) => {
    if (list.findIndex((one) => one.name === name) < index)
      context.addIssue({ code: 'custom', path: [index, 'name'], message: `"${name}" is used twice` })
  })

export const escalations = z.array(escalation).max(200).superRefine(distinct).default([])
export const onCall = z.array(onCallSchedule).max(200).superRefine(distinct).default([])
