// What a campaign is given and what it answers.

export type CampaignContext = {
  readonly n: number
  readonly seed: number
  readonly tell: (words: string) => void
  readonly signal: AbortSignal
}
/** `faults` in words, each enough to find it again. */
export type CampaignReport = {
  readonly rounds: number
  readonly faults: readonly string[]
  readonly notes: readonly string[]
}
