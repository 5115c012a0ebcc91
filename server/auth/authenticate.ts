// From a request to a principal: a bearer token, or HTTP Basic with the token as password (older tools send only that). Without one, a
// loopback listener lets people read and generate, when they call it by a loopback name: any other name means a proxy that serves the
// world, or a web page that had its own name point here. A listener off loopback lets nobody in.

import type { IncomingMessage } from 'node:http'
import { hostKeyHeader } from '../../core/wire/host-key.ts'
import { authorize, type Principal } from './authorize.ts'
import type { TokenTable } from './tokens.ts'

const anonymous: Principal = { name: 'anonymous', role: 'viewer', scope: '*' }

export function authenticate(request: IncomingMessage, tokens: TokenTable, loopback: boolean): Principal | null {
  const header = request.headers.authorization
  if (header === undefined) return loopback && calledLoopback(request.headers.host) ? anonymous : null
  const token = tokenOf(header)
  return token === null ? null : tokens.find(token)
}

/** HTTP/1.0 clients send no Host: they are no browser. */
function calledLoopback(host: string | undefined): boolean {
  return host === undefined || /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?$/i.test(host)
}

/** Who opens a channel: null when its token may not, else the key of its host (null when it shows none). Certificates will be read here too. */
export function authenticateAgent(
  request: IncomingMessage,
  tokens: TokenTable,
): { readonly key: string | null } | null {
  const principal = authenticate(request, tokens, false)
  if (principal === null || !authorize(principal, 'connect_agent', { pool: null }).allow) return null
  const key = request.headers[hostKeyHeader]
  return { key: typeof key === 'string' ? key : null }
}

function tokenOf(header: string): string | null {
  const [scheme = '', value = ''] = header.split(' ', 2)
  if (scheme.toLowerCase() === 'bearer') return value
  if (scheme.toLowerCase() !== 'basic') return null
  const pair = Buffer.from(value, 'base64').toString('utf8')
  const colon = pair.indexOf(':')
  return colon < 0 ? null : pair.slice(colon + 1)
}
