// A silence: alerts that match it are not told while it is active. Pure: what may be asked for, and what a change of one becomes. As in
// Alertmanager a silence that has begun keeps its matchers and its start: another set of either is a new silence, and the old one ends, so that
// history shows what was silenced when.

import { InferwardError } from '../../core/base/errors.ts'
import { type Matcher, matcher } from './matcher.ts'
import { type LabelSet, type MatcherText, matchersText } from './matcher-text.ts'

export type Silence = {
  readonly id: string
  readonly matchers: readonly MatcherText[]
  /** Milliseconds. */
  readonly startsAt: number
  readonly endsAt: number
  readonly updatedAt: number
  readonly createdBy: string
  readonly comment: string
  /** `tell_resolved: "true"` tells people who knew of an alert of its end, though it is silenced. */
  readonly annotations: LabelSet
}
/** `id` empty: a new one. `startsAt` null: now. */
export type PostedSilence = Omit<Silence, 'updatedAt' | 'startsAt'> & { readonly startsAt: number | null }

export type SilenceState = 'pending' | 'active' | 'expired'

export function silenceState(silence: Pick<Silence, 'startsAt' | 'endsAt'>, now: number): SilenceState {
  if (now >= silence.endsAt) return 'expired'
  return now < silence.startsAt ? 'pending' : 'active'
}

const limits = { matchers: 100, name: 1000, value: 4000, createdBy: 200, comment: 4000, annotations: 32 } as const
/** Times beyond are mistakes, and PostgreSQL's and JavaScript's dates end somewhere. */
const latest = Date.UTC(9999, 11, 31)

const invalid = (message: string): InferwardError => new InferwardError({ code: 'silence.invalid', message })

/** Throws `silence.invalid`; else its matchers, ready for use. */
export function checkSilence(posted: PostedSilence, now: number): readonly Matcher[] {
  const { matchers, endsAt } = posted
  const startsAt = posted.startsAt ?? now
  if (matchers.length === 0) throw invalid('at least one matcher is needed')
  if (matchers.length > limits.matchers) throw invalid(`more than ${limits.matchers} matchers`)
  const made = matchers.map((one) => {
    if (one.name === '' || one.name.length > limits.name) throw invalid(`not a label name: ${JSON.stringify(one.name)}`)
    if (one.value.length > limits.value) throw invalid(`a matcher of more than ${limits.value} characters`)
    const parsed = matcher(one)
    if (!parsed.ok) throw invalid(parsed.fault)
    return parsed.value
  })
  if (made.every((one) => one.matches({}))) throw invalid('at least one matcher must not match the empty string')
  for (const at of [startsAt, endsAt])
    if (!Number.isFinite(at) || at < 0 || at > latest) throw invalid('start and end must be times')
  if (startsAt >= endsAt) throw invalid('start time must be before end time')
  if (endsAt < now) throw invalid("end time can't be in the past")
  if (posted.createdBy.length > limits.createdBy)
    throw invalid(`createdBy has more than ${limits.createdBy} characters`)
  if (posted.comment.length > limits.comment) throw invalid(`the comment has more than ${limits.comment} characters`)
  const annotations = Object.entries(posted.annotations)
  if (annotations.length > limits.annotations) throw invalid(`more than ${limits.annotations} annotations`)
  if (annotations.some(([name, value]) => name.length + value.length > limits.comment))
    throw invalid(`an annotation of more than ${limits.comment} characters`)
  return made
}

export type SilenceChange = {
  /** To be stored, the one that was asked for last. */
  readonly writes: readonly Silence[]
  /** Under which it stands from now on. */
  readonly id: string
}

/** `posted` passed `checkSilence`; `previous` is what stands under its id, null for a new one. */
export function changeSilence(
  previous: Silence | null,
  posted: PostedSilence,
  now: number,
  newId: () => string,
): SilenceChange {
  const asked: Silence = { ...posted, startsAt: posted.startsAt ?? now, updatedAt: now }
  if (previous !== null && staysItself(previous, asked, now)) return { writes: [asked], id: previous.id }
  const made = { ...asked, id: newId(), startsAt: Math.max(asked.startsAt, now) }
  const ended = previous === null ? null : expireSilence(previous, now)
  return { writes: ended === null ? [made] : [ended, made], id: made.id }
}

function staysItself(before: Silence, after: Silence, now: number): boolean {
  if (matchersText(before.matchers) !== matchersText(after.matchers)) return false
  const state = silenceState(before, now)
  // To the second: clients that read and write back lose what is finer.
  if (state === 'active') return Math.floor(before.startsAt / 1000) === Math.floor(after.startsAt / 1000)
  return state === 'pending' && after.startsAt >= now
}

/** As it stands once it was ended; null when it had ended already. */
export function expireSilence(silence: Silence, now: number): Silence | null {
  const state = silenceState(silence, now)
  if (state === 'expired') return null
  return { ...silence, startsAt: Math.min(silence.startsAt, now), endsAt: now, updatedAt: now }
}
