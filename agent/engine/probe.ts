// Asks an engine over HTTP: is it up (health, with the identity of its life), and does it infer (one real token)? Answers are bounded in
// time and size; a fault is an answer.

export type Health = {
  readonly status: 'ok' | 'loading' | 'draining' | 'unreachable' | 'other'
  readonly incarnation: string | null
}
export type Inference = { readonly ok: boolean; readonly tookMs: number; readonly words: string }

export type Probe = {
  health(url: string): Promise<Health>
  infer(url: string, timeoutMs: number): Promise<Inference>
}

export function httpProbe(monotonic: () => number): Probe {
  return {
    async health(url) {
      try {
        const response = await fetch(`${url}/health`, { signal: AbortSignal.timeout(1500) })
        const body = (await response.json()) as { status?: unknown; incarnation?: unknown }
        const status = body.status
        const known = status === 'ok' || status === 'loading' || status === 'draining' ? status : 'other'
        return { status: known, incarnation: typeof body.incarnation === 'string' ? body.incarnation : null }
      } catch {
        return { status: 'unreachable', incarnation: null }
      }
    },
    async infer(url, timeoutMs) {
      const begun = monotonic()
      const took = (): number => monotonic() - begun
      try {
        const response = await fetch(`${url}/v1/completions`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', 'x-request-id': 'inferward-probe' },
          body: JSON.stringify({ prompt: 'ping', max_tokens: 1, temperature: 0 }),
          signal: AbortSignal.timeout(timeoutMs),
        })
        const text = (await response.text()).slice(0, 10_000)
        // Full, but working: the queue refuses politely.
        if (response.status === 429) return { ok: true, tookMs: took(), words: 'queue full (429)' }
        if (!response.ok) return { ok: false, tookMs: took(), words: `HTTP ${response.status}` }
        const choices = (JSON.parse(text) as { choices?: unknown }).choices
        const ok = Array.isArray(choices) && choices.length > 0
        return { ok, tookMs: took(), words: ok ? 'one token' : 'answer without choices' }
      } catch (error) {
        const timeout = (error as Error).name === 'TimeoutError'
        return { ok: false, tookMs: took(), words: timeout ? `no answer within ${timeoutMs} ms` : 'connection failed' }
      }
    },
  }
}
