// `backend:` of the configuration: another server of the Prometheus API that answers queries and takes samples in place of the embedded store.

import { z } from 'zod'

const address = z
  .url({ protocol: /^https?$/ })
  .refine((text) => !/^[^/]*\/\/[^/?#]*@/.test(text), {
    error: 'no user or password in the address: set username and password_file',
  })
  .refine((text) => !/[?#]/.test(text), { error: 'an address without ? and #' })
  .transform((text) => text.replace(/\/+$/, ''))

export const backendConfig = z
  .object({
    /** What `/api/v1/query` is appended to, for example http://prometheus:9090 or http://mimir/prometheus. */
    url: address,
    /** Where samples are written; left out: `url` with `/api/v1/write`. */
    write_url: address.optional(),
    /** Samples and what rules record are refused. */
    read_only: z.boolean().default(false),
    /** Holds a bearer token. Files are relative to this one. */
    token_file: z.string().min(1).optional(),
    username: z.string().min(1).max(200).optional(),
    password_file: z.string().min(1).optional(),
    /** Sent with every request, for example X-Scope-OrgID. Not for secrets. */
    headers: z.record(z.string().regex(/^[A-Za-z0-9-]{1,100}$/), z.string().max(1000)).default({}),
  })
  .strict()
  .refine((one) => (one.username === undefined) === (one.password_file === undefined), {
    error: 'username and password_file go together',
  })
  .refine((one) => one.token_file === undefined || one.username === undefined, {
    error: 'either token_file or username, not both',
  })
export type BackendConfig = z.infer<typeof backendConfig>
