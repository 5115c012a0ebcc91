// One page over HTTP: bounded in time and size, unpacked when the other side packs it, redirects followed without taking secrets to another host.

import { Agent, type IncomingMessage, request as requestPlain } from 'node:http'
import { request as requestTls, Agent as TlsAgent } from 'node:https'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { InferwardError } from '../../core/base/errors.ts'

/** The bytes are valid within the call only: one piece of memory serves page after page. */
export type UsePage = (bytes: Uint8Array, contentType: string) => void
export type GetRequest = {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly maxBytes: number
  /** Ends the request: its time is over, or everything stops. */
  readonly signal: AbortSignal
}
/** Rejects with what `use` throws. */
export type GetPage = (request: GetRequest, use: UsePage) => Promise<void>

const maxRedirects = 10
const keptBytes = 4 << 20
const unpack = promisify(gunzip)

const failed = (code: string, message: string): InferwardError =>
  new InferwardError({ code: `scrape.${code}`, message })

/** `close` ends idle connections. */
export function openPageGet(): { readonly get: GetPage; close(): void } {
  const plain = new Agent({ keepAlive: true, maxFreeSockets: 10_000 })
  const tls = new TlsAgent({ keepAlive: true, maxFreeSockets: 10_000 })

  let kept = new Uint8Array(0)
  const joined = (parts: readonly Buffer[]): Uint8Array => {
    if (parts.length === 1) return parts[0]!
    const size = parts.reduce((sum, part) => sum + part.length, 0)
    if (size > keptBytes) return Buffer.concat(parts)
    if (size > kept.length) kept = new Uint8Array(Math.min(keptBytes, size * 2))
    let at = 0
    for (const part of parts) {
      kept.set(part, at)
      at += part.length
    }
    return kept.subarray(0, size)
  }

  const ask = (url: URL, { headers, signal }: GetRequest): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const secure = url.protocol === 'https:'
      const out = (secure ? requestTls : requestPlain)(url, { headers, signal, agent: secure ? tls : plain }, resolve)
      out.on('error', reject)
      out.end()
    })

  return {
    async get(request, use) {
      let url = new URL(request.url)
      let { headers } = request
      for (let hop = 0; hop <= maxRedirects; hop++) {
        const answer = await ask(url, { ...request, headers })
        const status = answer.statusCode ?? 0
        const { location } = answer.headers
        if (status >= 301 && status <= 308 && status !== 304 && location !== undefined) {
          answer.destroy()
          const next = new URL(location, url)
          if (!/^https?:$/.test(next.protocol)) throw failed('redirect', `redirected to ${next.protocol}`)
          if (next.host !== url.host) {
            const { authorization: _, ...rest } = headers
            headers = rest
          }
          url = next
          continue
        }
        if (status !== 200) {
          answer.destroy()
          throw failed(
            'status',
            `server returned HTTP status ${status} ${(answer.statusMessage ?? '').slice(0, 100)}`.trim(),
          )
        }
        const parts = await partsOf(answer, request.maxBytes)
        const whole = await unpacked(answer, parts, request.maxBytes)
        return use(whole ?? joined(parts), answer.headers['content-type'] ?? '')
      }
      throw failed('redirect', `redirected more than ${maxRedirects} times`)
    },
    close() {
      plain.destroy()
      tls.destroy()
    },
  }
}

function partsOf(answer: IncomingMessage, maxBytes: number): Promise<readonly Buffer[]> {
  return new Promise((resolve, reject) => {
    const got: Buffer[] = []
    let size = 0
    answer.on('data', (part: Buffer) => {
      got.push(part)
      size += part.length
      if (size <= maxBytes) return
      reject(failed('too_large', `page larger than ${maxBytes} bytes`))
      answer.destroy()
    })
    answer.on('end', () => resolve(got))
    answer.on('error', reject)
    answer.on('aborted', () => reject(failed('cut', 'the connection ended within the page')))
  })
}

/** Null: it is not packed. */
async function unpacked(
  answer: IncomingMessage,
  parts: readonly Buffer[],
  maxBytes: number,
): Promise<Uint8Array | null> {
  const encoding = answer.headers['content-encoding']?.toLowerCase()
  if (encoding === undefined || encoding === 'identity') return null
  if (encoding !== 'gzip') throw failed('encoding', `page in an encoding nobody asked for: ${encoding.slice(0, 40)}`)
  try {
    return await unpack(Buffer.concat(parts), { maxOutputLength: maxBytes })
  } catch (error) {
    const large = (error as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE'
    throw large ? failed('too_large', `page larger than ${maxBytes} bytes`) : error
  }
}
