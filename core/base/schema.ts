// Zod fragments that every room's configuration shares: durations, listen addresses, byte sizes. Values leave in base units.

import { z } from 'zod'
import { tryParseDuration } from './duration.ts'

/** `30s` → milliseconds. */
export const duration = z.string('write a duration, such as 500ms, 30s, 5m or 1h30m').transform((text, context) => {
  const ms = tryParseDuration(text)
  if (ms !== undefined) return ms
  context.addIssue({ code: 'custom', message: `not a duration: "${text}" (write 500ms, 30s, 5m or 1h30m)` })
  return z.NEVER
})

export type Listen = { readonly host: string; readonly port: number }

/** `127.0.0.1:9700`, `[::1]:9700` → host and port; port 0 = any free one. */
export const listen = z.string('write host:port, for example 127.0.0.1:9700').transform((text, context): Listen => {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^\s:[\]]+)):(\d{1,5})$/i.exec(text)
  const port = Number(match?.[3])
  if (match !== null && port <= 65_535) return { host: (match[1] ?? match[2])!, port }
  context.addIssue({
    code: 'custom',
    message: `not an address: "${text}" (write host:port, for example 127.0.0.1:9700)`,
  })
  return z.NEVER
})

/** Names by which a listener may be called, besides addresses, `localhost` and the name of its host; `*`: any. */
export const allowedHosts = z
  .array(
    z.string().regex(/^(?:\*|[A-Za-z0-9_.-]{1,253})$/, {
      error: 'write a host name without port, for example gpu-07.example.com',
    }),
  )
  .max(100)
  .default([])

export function listenUrl({ host, port }: Listen): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host)
}
