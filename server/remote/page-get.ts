// One page over HTTP: bounded in time and size, unpacked when the other side packs it, redirects followed without taking secrets to another host.
// Plain connections are our own; those over TLS are the library's.

import { promisify } from 'node:util'
import { gunzip, gunzipSync } from 'node:zlib'
import { InferwardError } from '../../core/base/errors.ts'
import { AnswerReader } from './http-answer.ts'
import type { Answer, GetPage, GetRequest } from './page.ts'
import { openPageMemory } from './page-memory.ts'
import { type Address, openPageSockets } from './page-socket.ts'
import { openTlsGet } from './page-tls.ts'

const maxRedirects = 10
/** Pages pack to a twentieth; those that grow by more are unpacked where they keep nobody waiting. */
const usualGrowth = 32
const unpack = promisify(gunzip)

const failed = (code: string, message: string): InferwardError =>
  new InferwardError({ code: `scrape.${code}`, message })

/** `close` ends idle connections. `ca`: whom to trust over TLS; left out: whom the system trusts. */
export function openPageGet(ca?: string): { readonly get: GetPage; close(): void } {
  const memory = openPageMemory()
  const sockets = openPageSockets()
  const tls = openTlsGet(ca)
  const prepared = new WeakMap<GetRequest, Prepared>()

  const ask = async ({ url, address, text }: Prepared, request: GetRequest): Promise<Answer> => {
    if (url.protocol === 'https:') return tls.ask(url, request)
    const reader = new AnswerReader(memory, request.maxBytes)
    try {
      await sockets.ask(address, text, reader, request.ending)
    } catch (error) {
      reader.release()
      throw error
    }
    return reader
  }

  return {
    async get(first, use) {
      let request = first
      let now = prepared.get(first)
      if (now === undefined) {
        now = prepare(first)
        prepared.set(first, now)
      }
      for (let hop = 0; hop <= maxRedirects; hop++) {
        const answer = await ask(now, request)
        try {
          const { status, location, reason, contentType, encoding } = answer.head
          if (
            status >= 301 &&
            status <= 308 &&
            status !== 304 &&
            location !== null &&
            request.followRedirects !== false
          ) {
            const { url } = now
            const next = placeOf(location, url)
            const { authorization, ...rest } = request.headers
            const elsewhere = next.host !== url.host || (url.protocol === 'https:' && next.protocol === 'http:')
            const headers = elsewhere || authorization === undefined ? rest : { ...rest, authorization }
            request = { ...request, url: next.href, headers }
            now = prepare(request)
            continue
          }
          if (status !== 200) throw failed('status', `server returned HTTP status ${status} ${reason}`.trim())
          return use(await unpacked(answer.body, encoding, request.maxBytes), contentType)
        } finally {
          answer.release()
        }
      }
      throw failed('redirect', `redirected more than ${maxRedirects} times`)
    },
    close() {
      sockets.close()
      tls.close()
    },
  }
}

function placeOf(location: string, from: URL): URL {
  if (!URL.canParse(location, from.href)) throw failed('redirect', 'redirected to what is no address')
  const next = new URL(location, from)
  if (!/^https?:$/.test(next.protocol)) throw failed('redirect', `redirected to ${next.protocol}`)
  return next
}

type Prepared = { readonly url: URL; readonly address: Address; readonly text: string }

function prepare({ url: href, headers }: GetRequest): Prepared {
  const url = new URL(href)
  const address = { host: url.hostname.replace(/^\[|\]$/g, ''), port: url.port === '' ? 80 : Number(url.port) }
  return { url, address, text: requestText(url, headers) }
}

function requestText(url: URL, headers: GetRequest['headers']): string {
  let text = `GET ${url.pathname}${url.search} HTTP/1.1\r\nhost: ${url.host}\r\n`
  for (const name in headers) text += `${name}: ${headers[name]}\r\n`
  // A line end in a value would be a header, or a request, of somebody else's making.
  if (text.split('\r\n').length !== 3 + Object.keys(headers).length || /[^\t\r\n\x20-\x7e]|\r(?!\n)|[^\r]\n/.test(text))
    throw failed('header', 'a header holds what no header may hold')
  return `${text}\r\n`
}

async function unpacked(body: Uint8Array, encoding: string, maxBytes: number): Promise<Uint8Array> {
  if (encoding === '' || encoding === 'identity') return body
  if (encoding !== 'gzip') throw failed('encoding', `page in an encoding nobody asked for: ${encoding.slice(0, 40)}`)
  const usual = Math.min(maxBytes, body.length * usualGrowth)
  try {
    return gunzipSync(body, { maxOutputLength: usual })
  } catch (error) {
    if (!isTooLarge(error)) throw error
    if (usual === maxBytes) throw failed('too_large', `page larger than ${maxBytes} bytes`)
  }
  try {
    return await unpack(body, { maxOutputLength: maxBytes })
  } catch (error) {
    throw isTooLarge(error) ? failed('too_large', `page larger than ${maxBytes} bytes`) : error
  }
}

const isTooLarge = (error: unknown): boolean => (error as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE'
