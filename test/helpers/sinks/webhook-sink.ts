// A generic webhook receiver: keeps what was posted, headers included, and answers 200 unless told otherwise.

import { type HttpSink, openHttpSink } from './http-sink.ts'

export type Posted = {
  readonly path: string
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
}

export type WebhookSink = {
  readonly url: string
  posted(): readonly Posted[]
  close(): Promise<void>
} & Pick<HttpSink, 'mood' | 'requests' | 'seen'>

export async function openWebhookSink(): Promise<WebhookSink> {
  const posted: Posted[] = []
  const sink = await openHttpSink((seen) => {
    posted.push({ path: seen.path, headers: seen.headers, text: seen.body.toString('utf8') })
    return { status: 200, body: '{"ok":true}' }
  })
  return {
    url: `http://127.0.0.1:${sink.port}/hook`,
    posted: () => posted,
    mood: sink.mood,
    requests: sink.requests,
    seen: sink.seen,
    close: sink.close,
  }
}
