// Where channels ask for repairs. What is behind it decides; nothing here acts.

import type { EngineAction } from '../../core/event/event.ts'

export type RemedyRequest = {
  /** The same for one episode of one alert, whatever is asked again. */
  readonly id: string
  readonly host: string
  readonly engine: string
  readonly action: EngineAction
  readonly reason: string
}
export type RemedyAnswer =
  /** `known`: asked for before; nothing happens twice. */
  | { readonly outcome: 'issued' | 'known' }
  | { readonly outcome: 'refused'; readonly reason: 'no_such_engine' | 'budget_spent' | 'busy' }
export type RemedyPort = (request: RemedyRequest) => Promise<RemedyAnswer>
