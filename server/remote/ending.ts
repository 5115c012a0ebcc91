// How a scrape is cut short: its time is over, or everything stops. One for each target, used for page after page; an AbortSignal would be made,
// listened to and collected for every one of them.

/** `stopped`: then nothing is said of the scrape, least of all that the target is down. */
export type EndReason = 'late' | 'stopped'

export class Ending {
  private why: EndReason | null = null
  private listener: (() => void) | null = null

  get reason(): EndReason | null {
    return this.why
  }

  /** Called once, when it ends; null: nobody listens any more. There is one listener at a time. */
  listen(listener: (() => void) | null): void {
    this.listener = listener
  }

  /** The first reason counts. */
  end(why: EndReason): void {
    if (this.why !== null) return
    this.why = why
    const listener = this.listener
    this.listener = null
    listener?.()
  }

  /** From now on it is another scrape. */
  begin(): void {
    this.why = null
    this.listener = null
  }
}
