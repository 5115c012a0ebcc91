// Does a value fit a JSON Schema? The part of the language that the API descriptions of Prometheus and Alertmanager use; a keyword outside it is an error, so that no
// constraint is passed over in silence. Answers one line per fault, with the path of the value.

export type Schema = { readonly [keyword: string]: unknown }

/** Finds what a `$ref` names. */
export type Resolve = (reference: string) => Schema

const told = new Set(['description', 'example', 'examples', 'default', 'title', 'deprecated'])
const formats: Readonly<Record<string, (value: unknown) => boolean>> = {
  'date-time': (value) =>
    typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/.test(value),
  int64: (value) => Number.isSafeInteger(value),
  double: (value) => typeof value === 'number',
  float: (value) => typeof value === 'number',
  unixtime: (value) => typeof value === 'number',
  uri: (value) => typeof value === 'string' && (value === '' || URL.canParse(value)),
  duration: (value) => typeof value === 'string',
}

export function faultsOf(value: unknown, schema: Schema, resolve: Resolve, at = '$'): readonly string[] {
  const faults: string[] = []
  const inner = (one: unknown, part: unknown, path: string): readonly string[] =>
    faultsOf(one, part as Schema, resolve, path)
  for (const [keyword, rule] of Object.entries(schema)) {
    if (told.has(keyword)) continue
    const check = keywords[keyword]
    if (check === undefined) throw new Error(`${at}: schema keyword ${keyword} is not known to this validator`)
    faults.push(...check({ value, rule, schema, at, inner, resolve }))
  }
  return faults
}

type Check = (one: {
  readonly value: unknown
  readonly rule: unknown
  readonly schema: Schema
  readonly at: string
  readonly inner: (value: unknown, schema: unknown, at: string) => readonly string[]
  readonly resolve: Resolve
}) => readonly string[]

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const entries = (value: unknown): readonly [string, unknown][] => (isObject(value) ? Object.entries(value) : [])

function typeOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  return Number.isInteger(value) ? 'integer' : typeof value
}

const keywords: Readonly<Record<string, Check>> = {
  $ref: ({ value, rule, at, inner, resolve }) => inner(value, resolve(String(rule)), at),
  type({ value, rule, at }) {
    const found = typeOf(value)
    const wanted = Array.isArray(rule) ? rule : [rule]
    const fits = wanted.some((one) => one === found || (one === 'number' && found === 'integer'))
    return fits ? [] : [`${at}: ${found}, not ${wanted.join(' or ')}`]
  },
  enum: ({ value, rule, at }) =>
    (rule as unknown[]).includes(value) ? [] : [`${at}: none of ${JSON.stringify(rule)}`],
  format({ value, rule, at }) {
    const fits = formats[String(rule)]
    if (fits === undefined) throw new Error(`${at}: format ${String(rule)} is not known to this validator`)
    return fits(value) ? [] : [`${at}: not of the form ${String(rule)}`]
  },
  required: ({ value, rule, at }) =>
    isObject(value)
      ? (rule as string[]).filter((name) => !Object.hasOwn(value, name)).map((name) => `${at}: no ${name}`)
      : [],
  properties: ({ value, rule, at, inner }) =>
    entries(value).flatMap(([name, one]) =>
      Object.hasOwn(rule as object, name) ? inner(one, (rule as Schema)[name], `${at}.${name}`) : [],
    ),
  additionalProperties: ({ value, rule, schema, at, inner }) =>
    entries(value)
      .filter(([name]) => !Object.hasOwn((schema.properties ?? {}) as object, name))
      .flatMap(([name, one]) => {
        if (rule === true) return []
        return rule === false ? [`${at}: ${name} is not foreseen`] : inner(one, rule, `${at}.${name}`)
      }),
  items: ({ value, rule, at, inner }) =>
    Array.isArray(value) ? value.flatMap((one, index) => inner(one, rule, `${at}[${index}]`)) : [],
  minItems: ({ value, rule, at }) =>
    Array.isArray(value) && value.length < Number(rule) ? [`${at}: fewer than ${String(rule)} items`] : [],
  maxItems: ({ value, rule, at }) =>
    Array.isArray(value) && value.length > Number(rule) ? [`${at}: more than ${String(rule)} items`] : [],
  minimum: ({ value, rule, at }) =>
    typeof value === 'number' && value < Number(rule) ? [`${at}: below ${String(rule)}`] : [],
  allOf: ({ value, rule, at, inner }) => (rule as unknown[]).flatMap((one) => inner(value, one, at)),
  anyOf({ value, rule, at, inner }) {
    const tries = (rule as unknown[]).map((one) => inner(value, one, at))
    // The alternative that fits best is the one that was meant.
    const best = tries.reduce((a, b) => (b.length < a.length ? b : a))
    return best
  },
  oneOf({ value, rule, at, inner }) {
    const fits = (rule as unknown[]).filter((one) => inner(value, one, at).length === 0).length
    return fits === 1 ? [] : [`${at}: fits ${fits} of the alternatives, not one`]
  },
}
