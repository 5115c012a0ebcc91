// `alertmanagers:` of the server's configuration: others that our alerts are posted to, as a Prometheus server posts its own.

import { z } from 'zod'
import { duration } from '../../core/base/schema.ts'
import { refusal } from './address-guard.ts'

/** Base of its API: `/api/v2/alerts` is put behind it. */
const url = z
  .string()
  .max(2000)
  .superRefine((text, context) => {
    const parsed = URL.canParse(text) ? new URL(text) : null
    const words =
      parsed === null || !/^https?:$/.test(parsed.protocol)
        ? 'not an http or https URL'
        : parsed.search !== '' || parsed.hash !== ''
          ? 'an address without ? and #'
          : refusal(parsed.hostname, 'private')
    if (words !== null) context.addIssue({ code: 'custom', message: words })
  })

const one = z.union([
  url.transform((text) => ({ url: text, token_file: undefined, timeout: 10_000 })),
  z
    .object({
      url,
      /** Holds a token that is sent as `Authorization: Bearer`. Read at every post. Relative to this file. */
      token_file: z.string().min(1).optional(),
      timeout: duration.refine((ms) => ms > 0 && ms <= 60_000, 'a timeout is at most 1m').default(10_000),
    })
    .strict(),
])

export const alertmanagersConfig = z.array(one).max(20).default([])
export type ForwardTarget = z.infer<typeof one>
