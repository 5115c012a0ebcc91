// The HTTP client of the channels without a network: each host is a robot's own judgement, answered at once. For stories on a virtual clock, in
// which a real socket has no place.

import type { Post } from '../../../server/notify/http-post.ts'
import type { Seen } from './http-sink.ts'

type Judge = (seen: Seen) => { readonly status: number; readonly body: string }

/** `hosts`: name in the URL to robot. */
export function openPostTo(hosts: Readonly<Record<string, Judge>>): Post {
  return async ({ url, headers, body }) => {
    const { hostname, pathname } = new URL(url)
    const answer = hosts[hostname]?.({
      method: 'POST',
      path: pathname,
      // As on the wire: a parsed URL would hide what was encoded twice.
      rawQuery: url.split('?').slice(1).join('?'),
      headers,
      body: Buffer.from(body, 'utf8'),
    })
    if (answer === undefined) return { kind: 'unreachable', reason: `nobody at ${hostname}` }
    return { kind: 'reply', headers: {}, cut: false, ...answer }
  }
}
