// The life of one request between HTTP and the engine: tokens become text as they come, stop texts end it, and what it cost is known at the
// end. Invariant: `onEnd` is called exactly once, whatever happens.

import type { EngineHandle, FinishReason, StepEvent, SubmitVerdict } from './addon.ts'
import type { GenerationSettings } from './bodies.ts'
import type { Tokenizer } from './tokenizer.ts'

export type TokenLogprob = {
  readonly token: string
  readonly logprob: number
  readonly top: readonly { token: string; logprob: number }[]
}

export type Piece = { readonly text: string; readonly logprob: TokenLogprob | null }

export type Ending = {
  readonly finish: FinishReason
  readonly error: string | null
  readonly promptTokens: number
  readonly outputTokens: number
  /** Mean probability of the chosen tokens; null when none was chosen. */
  readonly confidence: number | null
  readonly queueMs: number
  readonly prefillMs: number
  readonly decodeMs: number
  readonly totalMs: number
}

export type Generation = { readonly id: number; cancel(): void }

export type Generations = {
  /** Starts one, or says why not. Callbacks run on the main thread, pieces in order. */
  start(
    prompt: Int32Array,
    settings: GenerationSettings,
    deadlineMs: number,
    callbacks: { readonly onPiece: (piece: Piece) => void; readonly onEnd: (ending: Ending) => void },
  ): Generation | Exclude<SubmitVerdict, 'accepted'>
  onStep(events: readonly StepEvent[], batch: number): void
  readonly live: number
}

type Live = {
  readonly onStep: (event: StepEvent) => void
}

export function openGenerations(deps: {
  readonly engine: () => EngineHandle
  readonly tokenizer: () => Tokenizer
  readonly monotonicMs: () => number
  readonly onBatch: (size: number) => void
}): Generations {
  const live = new Map<number, Live>()
  let nextId = 1

  return {
    get live() {
      return live.size
    },
    start(prompt, settings, deadlineMs, { onPiece, onEnd }) {
      const id = nextId++
      const tokenizer = deps.tokenizer()
      const text = tokenizer.stream()
      const matcher = stopMatcher(settings.stop)
      const begun = deps.monotonicMs()
      let startedMs: number | null = null
      let firstMs: number | null = null
      let outputTokens = 0
      let probabilities = 0
      let stopped = false

      const end = (finish: FinishReason, error: string | null): void => {
        live.delete(id)
        const now = deps.monotonicMs()
        onEnd({
          finish,
          error,
          promptTokens: prompt.length,
          outputTokens,
          confidence: outputTokens === 0 ? null : probabilities / outputTokens,
          queueMs: (startedMs ?? now) - begun,
          prefillMs: startedMs === null ? 0 : (firstMs ?? now) - startedMs,
          decodeMs: firstMs === null ? 0 : now - firstMs,
          totalMs: now - begun,
        })
      }

      const onStep = (event: StepEvent): void => {
        if (stopped) return
        // The engine's clock and performance.now() both count monotonically from different origins: only "now" is comparable.
        const now = deps.monotonicMs()
        if (startedMs === null && event.startedNs > 0)
          startedMs = Math.max(begun, now - (event.tokenNs - event.startedNs) / 1e6)
        if (event.token >= 0) {
          firstMs ??= now
          outputTokens++
          probabilities += event.probability
          const fresh = text.push(event.token)
          const logprob: TokenLogprob | null =
            event.topLogprobs === null
              ? null
              : {
                  token: tokenizer.text(event.token),
                  logprob: Math.log(event.probability),
                  top: event.topLogprobs.map(([token, value]) => ({ token: tokenizer.text(token), logprob: value })),
                }
          const { release, hit } = matcher(event.finish === null ? fresh : fresh + text.end(), event.finish !== null)
          if (release !== '' || logprob !== null) onPiece({ text: release, logprob })
          if (hit) {
            stopped = true
            deps.engine().cancel(id)
            return end('stop', null)
          }
        } else if (event.finish !== null) {
          const { release } = matcher(text.end(), true)
          if (release !== '') onPiece({ text: release, logprob: null })
        }
        if (event.finish !== null) end(event.finish, event.error)
      }

      const verdict = deps.engine().submit({
        id,
        tokens: prompt,
        maxTokens: settings.maxTokens,
        temperature: settings.temperature,
        topK: settings.topK,
        topP: settings.topP,
        seed: settings.seed,
        stopTokens: tokenizer.stops,
        deadlineMs,
        topLogprobs: settings.topLogprobs,
      })
      if (verdict !== 'accepted') return verdict
      live.set(id, { onStep })
      return { id, cancel: () => deps.engine().cancel(id) }
    },
    onStep(events, batch) {
      if (batch > 0) deps.onBatch(batch)
      for (const event of events) live.get(event.id)?.onStep(event)
    },
  }
}

/** Holds back text that may be the beginning of a stop text; `hit` when one is complete (it is not released). */
function stopMatcher(stops: readonly string[]): (fresh: string, last: boolean) => { release: string; hit: boolean } {
  if (stops.length === 0) return (fresh) => ({ release: fresh, hit: false })
  let held = ''
  return (fresh, last) => {
    held += fresh
    const found = stops.map((stop) => held.indexOf(stop)).filter((at) => at >= 0)
    if (found.length > 0) return { release: held.slice(0, Math.min(...found)), hit: true }
    let keep = 0
    if (!last) {
      for (const stop of stops) {
        for (let length = Math.min(stop.length - 1, held.length); length > keep; length--) {
          if (stop.startsWith(held.slice(-length))) keep = length
        }
      }
    }
    const release = held.slice(0, held.length - keep)
    held = held.slice(held.length - keep)
    return { release, hit: false }
  }
}
