// The `route` part of an Alertmanager configuration as a schema, and the checks that need the whole tree.

import { z } from 'zod'
import { nearest } from '../../core/base/config.ts'
import { duration } from '../../core/base/schema.ts'
import { type Matcher, matcher, parseMatchers } from './matcher.ts'
import type { MatcherText } from './matcher-text.ts'

/** Larger trees are refused: no hand-written configuration comes near. `parseConfig` bounds their depth. */
const maxRoutes = 10_000

/** YAML reads `5` and `true` as they look; a label's value is text. Fractions lose digits on the way and must be quoted. */
export const scalar = z.unknown().transform((value, context): string => {
  if (typeof value === 'string') return value
  if (typeof value === 'boolean' || Number.isSafeInteger(value)) return String(value)
  context.addIssue({ code: 'custom', message: 'write this value as text, in quotes' })
  return z.NEVER
})

/** A key without a value is an absent key. */
export const maybe = <T extends z.ZodType>(schema: T) => schema.nullish().transform((value) => value ?? undefined)

const interval = maybe(z.preprocess((value) => (value === 0 ? '0s' : value), duration))

/** These two spellings are older than names in UTF-8. */
function checkName(name: string, context: z.RefinementCtx): void {
  if (/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name)) return
  context.addIssue({ code: 'custom', path: [name], message: 'not a label name; write it under matchers' })
}

export const equalMatchers = maybe(
  z.record(
    z.string(),
    z.preprocess((value) => value ?? '', scalar),
  ),
).transform((record, context) =>
  Object.entries(record ?? {}).map(([name, value]): Matcher => {
    checkName(name, context)
    return plain({ name, op: '=', value })
  }),
)

export const patternMatchers = maybe(z.record(z.string(), z.unknown())).transform((record, context) => {
  const out: Matcher[] = []
  for (const [name, value] of Object.entries(record ?? {})) {
    checkName(name, context)
    const text = scalar.safeParse(value)
    const made = text.success ? matcher({ name, op: '=~', value: text.data }) : null
    if (made?.ok === true) out.push(made.value)
    else {
      const message = made === null ? 'a regular expression is expected, in quotes' : made.fault
      context.addIssue({ code: 'custom', path: [name], message })
    }
  }
  return out
})

export const writtenMatchers = maybe(z.union([z.string(), z.array(z.string())])).transform((written, context) => {
  const out: Matcher[] = []
  const lines = typeof written === 'string' ? [written] : (written ?? [])
  lines.forEach((line, index) => {
    const parsed = parseMatchers(line)
    if (parsed.ok) out.push(...parsed.value)
    else context.addIssue({ code: 'custom', path: typeof written === 'string' ? [] : [index], message: parsed.fault })
  })
  return out
})

function plain(text: MatcherText): Matcher {
  const made = matcher(text)
  if (!made.ok) throw new Error(made.fault) // only patterns can be at fault
  return made.value
}

export const routeSchema: z.ZodType<RouteConfig> = z
  .object({
    receiver: maybe(z.string().min(1)),
    group_by: maybe(z.array(z.string().min(1))),
    continue: maybe(z.boolean()),
    match: equalMatchers,
    match_re: patternMatchers,
    matchers: writtenMatchers,
    group_wait: interval,
    group_interval: interval,
    repeat_interval: interval,
    /** Ours: how long a group that people know of and that has wholly recovered waits before it says so. */
    resolve_wait: interval,
    mute_time_intervals: maybe(z.array(z.string())),
    active_time_intervals: maybe(z.array(z.string())),
    /** Words that receivers may show; read, and shown beside the groups. */
    labels: maybe(z.record(z.string().min(1), scalar)),
    /** Ours: people who were told of an alert are told of its end as well while it is silenced. */
    tell_silenced_resolved: maybe(z.boolean()),
    get routes(): z.ZodType<readonly RouteConfig[] | undefined> {
      return maybe(z.array(routeSchema))
    },
  })
  .strict()

export type RouteConfig = {
  readonly receiver?: string | undefined
  readonly group_by?: readonly string[] | undefined
  readonly continue?: boolean | undefined
  readonly match: readonly Matcher[]
  readonly match_re: readonly Matcher[]
  readonly matchers: readonly Matcher[]
  readonly group_wait?: number | undefined
  readonly group_interval?: number | undefined
  readonly repeat_interval?: number | undefined
  readonly resolve_wait?: number | undefined
  readonly mute_time_intervals?: readonly string[] | undefined
  readonly active_time_intervals?: readonly string[] | undefined
  readonly labels?: Readonly<Record<string, string>> | undefined
  readonly tell_silenced_resolved?: boolean | undefined
  readonly routes?: readonly RouteConfig[] | undefined
}

/** `path` is relative to the route's own key. */
export type RouteFault = { readonly path: readonly (string | number)[]; readonly message: string }

/** What one node cannot know: whether receivers and time intervals exist, and what a root may not say. */
export function checkRoute(
  root: RouteConfig,
  receiverNames: readonly string[],
  intervalNames: readonly string[] = [],
): readonly RouteFault[] {
  const faults: RouteFault[] = []
  if (root.receiver === undefined) faults.push({ path: [], message: 'the root route needs a receiver' })
  for (const key of ['match', 'match_re', 'matchers'] as const) {
    if (root[key].length > 0)
      faults.push({ path: [key], message: 'the root route takes every alert: no matchers here' })
  }
  if (root.continue === true)
    faults.push({ path: ['continue'], message: 'the root route has no sibling to continue with' })

  for (const key of ['mute_time_intervals', 'active_time_intervals'] as const) {
    if ((root[key]?.length ?? 0) > 0)
      faults.push({ path: [key], message: 'the root route takes every alert at any time: no time intervals here' })
  }

  let count = 0
  const visit = (route: RouteConfig, path: readonly (string | number)[]): void => {
    count++
    const { receiver, group_by: groupBy } = route
    if (receiver !== undefined && !receiverNames.includes(receiver)) {
      const message = undefinedName('receiver', receiver, receiverNames)
      faults.push({ path: [...path, 'receiver'], message })
    }
    groupBy?.forEach((name, index) => {
      const at = [...path, 'group_by', index]
      if (groupBy.indexOf(name) !== index) faults.push({ path: at, message: `"${name}" is listed twice` })
      else if (name === '...' && groupBy.length > 1)
        faults.push({ path: at, message: '"..." groups by every label and stands alone' })
    })
    for (const key of ['mute_time_intervals', 'active_time_intervals'] as const) {
      route[key]?.forEach((name, index) => {
        if (!intervalNames.includes(name))
          faults.push({ path: [...path, key, index], message: undefinedName('time interval', name, intervalNames) })
      })
    }
    for (const key of ['group_interval', 'repeat_interval'] as const) {
      if (route[key] === 0) faults.push({ path: [...path, key], message: 'must be longer than zero' })
    }
    route.routes?.forEach((child, index) => void visit(child, [...path, 'routes', index]))
  }
  visit(root, [])
  if (count > maxRoutes) faults.push({ path: [], message: `more than ${maxRoutes} routes` })
  return faults
}

function undefinedName(what: 'receiver' | 'time interval', name: string, names: readonly string[]): string {
  const near = nearest(name, names)
  const words = `${what} "${name}" is not defined under ${what.replace(' ', '_')}s`
  return near === undefined ? words : `${words}, did you mean "${near}"?`
}
