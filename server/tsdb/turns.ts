// Long work on a thread that others share: it is done in turns of a few milliseconds, and between two turns, whoever takes them, everybody else comes
// first. Invariant: however many jobs are at work, nobody waits for more than one turn.

export type Turnstile = {
  /** For one job: call `pause` often; it resolves at once within a turn, else when the next one comes. */
  job(): () => Promise<void>
}

export function openTurnstile(deps: {
  readonly monotonic: () => number
  readonly turnMs: number
  /** Calls back once everything that waits by then had its turn; left out: after the events of this round of the loop. */
  readonly after?: (callback: () => void) => void
}): Turnstile {
  const { monotonic, turnMs, after = (callback) => void setImmediate(callback) } = deps
  const waiting: (() => void)[] = []
  let armed = false
  const arm = (): void => {
    if (armed || waiting.length === 0) return
    armed = true
    after(() => {
      armed = false
      waiting.shift()!()
      arm()
    })
  }
  return {
    job() {
      let until = monotonic() + turnMs
      return async () => {
        if (monotonic() < until) return
        await new Promise<void>((resolve) => {
          waiting.push(resolve)
          arm()
        })
        until = monotonic() + turnMs
      }
    },
  }
}
