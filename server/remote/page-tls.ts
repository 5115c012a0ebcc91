// Pages over TLS, by the library.

import type { IncomingMessage } from 'node:http'
import { Agent, request } from 'node:https'
import { InferwardError } from '../../core/base/errors.ts'
import type { Answer, GetRequest } from './page.ts'

export type TlsGet = {
  ask(url: URL, request: GetRequest): Promise<Answer>
  /** Ends idle connections. */
  close(): void
}

/** `ca`: whom to trust; left out: whom the system trusts. */
export function openTlsGet(ca?: string): TlsGet {
  const agent = new Agent({ keepAlive: true, maxFreeSockets: 10_000, ...(ca === undefined ? {} : { ca }) })
  return {
    async ask(url, { headers, ending, maxBytes }) {
      const controller = new AbortController()
      ending.listen(() => controller.abort())
      try {
        const answer = await new Promise<IncomingMessage>((resolve, reject) => {
          const out = request(url, { headers, signal: controller.signal, agent }, resolve)
          out.on('error', reject)
          out.end()
        })
        const status = answer.statusCode ?? 0
        const head = {
          status,
          reason: (answer.statusMessage ?? '').slice(0, 100),
          contentType: answer.headers['content-type'] ?? '',
          encoding: (answer.headers['content-encoding'] ?? '').toLowerCase(),
          location: answer.headers.location ?? null,
        }
        if (status === 200) return { head, body: await bodyOf(answer, maxBytes), release: () => {} }
        answer.destroy()
        return { head, body: new Uint8Array(0), release: () => {} }
      } finally {
        ending.listen(null)
      }
    },
    close: () => agent.destroy(),
  }
}

function bodyOf(answer: IncomingMessage, maxBytes: number): Promise<Uint8Array> {
  const failed = (code: string, message: string): InferwardError =>
    new InferwardError({ code: `scrape.${code}`, message })
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
    answer.on('end', () => resolve(Buffer.concat(got)))
    answer.on('error', reject)
    answer.on('aborted', () => reject(failed('cut', 'the connection ended within the page')))
  })
}
