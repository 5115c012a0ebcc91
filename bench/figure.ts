// What a claim measures and how it is judged: one row per figure. Invariant: a figure that could not be measured is never `holds`; a peer
// that must be there and is not makes it `short`.

/** What must hold. `ours` in the figure's unit; `ratio` is ours / peer. */
export type Must = {
  readonly of: 'ours' | 'ratio'
  readonly bound: 'at most' | 'at least'
  readonly value: number
}

export type Figure = {
  readonly what: string
  readonly unit: string
  /** Null: not measured; `absent` says why. */
  readonly ours: number | null
  readonly peer: number | null
  /** Null: shown for its own sake, judged by nobody. */
  readonly must: Must | null
  readonly absent: null | {
    readonly part: 'hardware' | 'optional_peer' | 'required_peer' | 'option'
    readonly words: string
  }
}

/** Numbers beside the figures that promise nothing, such as lines per room. */
export type Table = { readonly title: string; readonly rows: readonly (readonly [string, string | number])[] }

export type Report = { readonly figures: readonly Figure[]; readonly tables: readonly Table[] }

export type Context = {
  /** Also the rows that take minutes. */
  readonly full: boolean
  readonly tell: (words: string) => void
  /** Aborted when the bench is interrupted: a claim stops what it started, then rejects. */
  readonly signal: AbortSignal
}
export type Verdict = 'holds' | 'short' | 'not run' | 'shown'

export type Row = {
  readonly what: string
  readonly unit: string
  readonly ours: number | null
  readonly peer: number | null
  readonly ratio: number | null
  readonly must: string
  readonly verdict: Verdict
  readonly why: string
}

export const atMost = (value: number): Must => ({ of: 'ours', bound: 'at most', value })

export function row(figure: Figure): Row {
  const { ours, peer, must, absent } = figure
  const ratio = ours === null || peer === null || peer === 0 ? null : ours / peer
  const sign = must?.bound === 'at most' ? '≤' : '≥'
  return {
    what: figure.what,
    unit: figure.unit,
    ours,
    peer,
    ratio,
    must: must === null ? '' : `${must.of === 'ratio' ? 'ratio ' : ''}${sign} ${must.value}`,
    verdict: verdict(figure, ratio),
    why: absent?.words ?? '',
  }
}

function verdict({ ours, must, absent }: Figure, ratio: number | null): Verdict {
  if (absent !== null) return absent.part === 'required_peer' ? 'short' : 'not run'
  if (must === null) return ours === null ? 'not run' : 'shown'
  const value = must.of === 'ratio' ? ratio : ours
  if (value === null || Number.isNaN(value)) return 'short'
  return (must.bound === 'at most' ? value <= must.value : value >= must.value) ? 'holds' : 'short'
}

/** Figures that promise nothing are shown and not counted. */
export function summary(rows: readonly Row[]): string {
  const count = (wanted: Verdict): number => rows.filter((one) => one.verdict === wanted).length
  return `${count('holds')} held, ${count('short')} short, ${count('not run')} not run`
}
