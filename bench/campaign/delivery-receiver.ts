// The far end of the delivery campaign: a webhook receiver that knows every message by its identity, takes each once, and is at times slow,
// failing, or gone before its answer. Invariant: what it counts as told is what a person would have seen.

import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export type Receiver = {
  readonly url: string
  /** Changes of one alert in the order in which they were told: `+-+`. */
  told(name: string): string
  counts(): { readonly messages: number; readonly repeats: number; readonly failed: number; readonly lost: number }
  /** Messages that came under one identity with two contents, or without one, in words. */
  faults(): readonly string[]
  close(): Promise<void>
}

type Body = {
  readonly alerts: readonly { readonly status: string; readonly labels: Readonly<Record<string, string>> }[]
}

export async function openReceiver(uniform: () => number): Promise<Receiver> {
  const seen = new Map<string, string>()
  const told = new Map<string, string>()
  const faults: string[] = []
  const counts = { messages: 0, repeats: 0, failed: 0, lost: 0 }

  const take = (id: string, text: string): void => {
    const known = seen.get(id)
    if (known !== undefined) {
      counts.repeats++
      if (known !== text) faults.push(`message ${id} came with two contents`)
      return
    }
    seen.set(id, text)
    counts.messages++
    for (const { status, labels } of (JSON.parse(text) as Body).alerts) {
      const name = labels.name ?? ''
      told.set(name, `${told.get(name) ?? ''}${status === 'firing' ? '+' : '-'}`)
    }
  }
  const answer = (response: ServerResponse, id: string, text: string): void => {
    const luck = uniform()
    if (luck < 0.02) {
      counts.failed++
      response.writeHead(503)
      return void response.end()
    }
    take(id, text)
    if (luck < 0.05) {
      counts.lost++
      return void response.destroy()
    }
    if (luck < 0.3) return void setTimeout(() => response.end('{}'), uniform() * 150)
    response.end('{}')
  }
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('error', () => response.destroy())
    request.on('end', () => {
      const id = request.headers['idempotency-key']
      if (typeof id !== 'string') faults.push('a message has no identity')
      else answer(response, id, Buffer.concat(chunks).toString('utf8'))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    told: (name) => told.get(name) ?? '',
    counts: () => counts,
    faults: () => faults,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
