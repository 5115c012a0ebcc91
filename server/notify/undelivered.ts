// Parts of an Alertmanager file that are read and not acted on: they must not keep the file from loading, and they must not go unnoticed. An
// entry of a kind that is not delivered is checked as Alertmanager would, and named in a warning; so is a key that changes nothing here.

import { z } from 'zod'
import { nearest } from '../../core/base/config.ts'
import { slackIdleKeys, type UndeliveredKind, undeliveredGlobalKeys, undeliveredKinds } from './undelivered-kinds.ts'

type Entry = Readonly<Record<string, unknown>>
/** `path` is relative to the whole file. */
type Fault = (path: readonly (string | number)[], message: string) => void

/** Nothing that names a secret twice may pass, and nothing of what it holds is kept. */
const anything = z.unknown().optional()
const entries = z.array(z.unknown()).nullish()
const keysOf = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, anything]))

export const undeliveredReceiverKeys: Readonly<Record<string, typeof entries>> = Object.fromEntries(
  Object.keys(undeliveredKinds)
    .filter((kind) => kind !== 'slack')
    .map((kind) => [`${kind}_configs`, entries]),
)
export const undeliveredGlobal: Readonly<Record<string, typeof anything>> = keysOf(
  undeliveredGlobalKeys.filter((name) => !name.startsWith('slack_api_url')),
)

/** Keys that are read and change nothing. */
const idle: Readonly<Record<'' | 'global', Readonly<Record<string, string>>>> = {
  '': {
    tracing: 'tracing is set in the configuration of the server',
    event_recorder: 'the history of the server holds every event',
  },
  global: {
    http_config: 'requests go straight to the receiver, without a proxy; user and password may stand in a URL',
    smtp_force_implicit_tls: 'port 465 is TLS from the first byte, every other port STARTTLS',
  },
}
export const idleTopKeys: Readonly<Record<string, typeof anything>> = keysOf(Object.keys(idle['']))
export const idleGlobalKeys: Readonly<Record<string, typeof anything>> = keysOf(Object.keys(idle.global))

const isSet = (value: unknown): boolean =>
  value !== undefined && value !== null && value !== '' && !(Array.isArray(value) && value.length === 0)

/** Faults that Alertmanager finds as well. */
export function checkUndelivered(
  receivers: readonly Readonly<Record<string, unknown>>[],
  global: Entry,
  fault: Fault,
): void {
  for (const name of undeliveredGlobalKeys)
    if (isSet(global[name]) && isSet(global[`${name}_file`])) fault(['global', `${name}_file`], both(name))
  slackTwice(global, 'slack_', (key, words) => fault(['global', key], words))
  each(receivers, (kind, raw, path) => {
    const rules = undeliveredKinds[kind]!
    if (raw === null && rules.mayBeEmpty !== true) return fault(path, `an entry of ${kind}_configs holds nothing`)
    if (raw !== null && (typeof raw !== 'object' || Array.isArray(raw))) return fault(path, 'keys and values expected')
    checkEntry(kind, rules, (raw ?? {}) as Entry, global, (more, words) => fault([...path, ...more], words))
  })
}

function checkEntry(kind: string, rules: UndeliveredKind, entry: Entry, global: Entry, fault: Fault): void {
  const names = rules.keys.split(/\s+/)
  const twins = names.filter((name) => name.startsWith('+')).map((name) => name.slice(1))
  const known = ['send_resolved', 'http_config', ...names.map((name) => name.replace('+', '')), ...twins.map(twin)]
  for (const key of Object.keys(entry)) {
    if (known.includes(key)) continue
    const near = nearest(key, known)
    fault([key], `unknown key${near === undefined ? '' : `, did you mean "${near}"?`}`)
  }
  for (const name of twins) if (isSet(entry[name]) && isSet(entry[twin(name)])) fault([twin(name)], both(name))
  if (kind === 'slack') slackRules(entry, fault)
  if (entry.html === true && entry.monospace === true) fault(['monospace'], 'html and monospace are both set')
  for (const [key, allowed] of Object.entries(rules.oneOf ?? {}))
    if (entry[key] !== undefined && !allowed.includes(String(entry[key])))
      fault([key], `one of ${allowed.filter((one) => one !== '').join(', ')} expected`)
  for (const list of rules.needs ?? []) {
    const has = (name: string): boolean => {
      const above = rules.global?.[name]
      return [entry[name], entry[twin(name)], ...(above ? [global[above], global[twin(above)]] : [])].some(isSet)
    }
    if (list.some(has)) continue
    const here = list.flatMap((name) => (twins.includes(name) ? [name, twin(name)] : [name])).join(' or ')
    const above = list.flatMap((name) => rules.global?.[name] ?? []).join(' or ')
    fault([], `no ${list.join(' or ')}: set ${here} here${above === '' ? '' : `, or ${above} in global`}`)
  }
}

const twin = (name: string): string => `${name}_file`
const both = (name: string): string => `both ${name} and ${twin(name)} are set: keep one of them`

/** An incoming webhook and an application's token exclude each other, but for the address that takes tokens. */
function slackTwice(of: Entry, prefix: string, fault: (key: string, words: string) => void): void {
  const url = isSet(of[`${prefix}api_url`]) || isSet(of[`${prefix}api_url_file`])
  const token = isSet(of[`${prefix}app_token`]) || isSet(of[`${prefix}app_token_file`])
  const takesTokens = of[`${prefix}api_url`] === (of[`${prefix}app_url`] ?? slackMessages)
  if (url && token && !(prefix !== '' && takesTokens))
    fault(`${prefix}app_token`, `both ${prefix}api_url and ${prefix}app_token are set: keep one of them`)
}

const slackMessages = 'https://slack.com/api/chat.postMessage'

function slackRules(entry: Entry, fault: Fault): void {
  slackTwice(entry, '', (key, words) => fault([key], words))
  if (entry.update_message === true && entry.api_url !== slackMessages)
    fault(['update_message'], `only with a bot token and api_url: ${slackMessages}`)
}

/** What is taken and not acted on, one line each, with its place in the file. */
export function undeliveredWarnings(file: {
  readonly top: Entry
  readonly global: Entry
  readonly receivers: readonly Readonly<Record<string, unknown>>[]
}): readonly string[] {
  const out: string[] = []
  for (const [key, words] of Object.entries(idle[''])) if (isSet(file.top[key])) out.push(`${key}: not used: ${words}`)
  for (const [key, words] of Object.entries(idle.global))
    if (isSet(file.global[key])) out.push(`global.${key}: not used: ${words}`)
  each(file.receivers, (kind, raw, [, index, key, at]) => {
    const entry = (raw ?? {}) as Entry
    if (kind === 'slack' && !slackByToken(entry, file.global)) {
      for (const idleKey of slackIdleKeys)
        if (isSet(entry[idleKey]))
          out.push(`receivers[${index}].${key}[${at}].${idleKey}: not used: ${slackWords(idleKey)}`)
      return
    }
    const name = String(file.receivers[Number(index)]?.name)
    const instead = undeliveredKinds[kind]?.instead ?? 'use webhook_configs'
    out.push(
      `receivers[${index}].${key}[${at}]: not delivered in this version, "${name}" gets nothing by it; ${instead}`,
    )
  })
  return out
}

const slackWords = (key: string): string =>
  key === 'http_config'
    ? (idle.global.http_config ?? '')
    : key === 'actions'
      ? 'links stand in the message'
      : 'an incoming webhook has no use for it'

/** An entry that has no webhook of its own goes by a token where one is set. */
export function slackByToken(entry: Entry, global: Entry): boolean {
  const own = isSet(entry.api_url) || isSet(entry.api_url_file)
  const token = [entry.app_token, entry.app_token_file, global.slack_app_token, global.slack_app_token_file].some(isSet)
  // A token may also stand where a header of one's own is set.
  return !own && (token || global.slack_api_url === slackMessages)
}

function each(
  receivers: readonly Readonly<Record<string, unknown>>[],
  look: (kind: string, entry: unknown, path: readonly (string | number)[]) => void,
): void {
  receivers.forEach((receiver, index) => {
    for (const kind of Object.keys(undeliveredKinds)) {
      const key = `${kind}_configs`
      const list = (receiver[key] ?? []) as readonly unknown[]
      list.forEach((given, at) => {
        // Entries of Slack were read already: what the file says stands inside.
        const entry = kind === 'slack' ? (given as { raw: Entry }).raw : given
        look(kind, entry, ['receivers', index, key, at])
      })
    }
  })
}
