// The routing file as clients of Alertmanager may read it: amtool parses it strictly and tests routes against it, so our own keys are left out, and
// what may be a secret is written as Alertmanager writes it, `<secret>`, which its tools read back.

import { parse, stringify } from 'yaml'
import { redact } from '../../../core/base/redact.ts'

const ourReceivers = new Set(['dingtalk_configs', 'wecom_configs', 'feishu_configs', 'remedy_configs'])
const ourRouteKeys = new Set(['resolve_wait', 'tell_silenced_resolved'])
/** Of our entries beside Alertmanager's own keys. */
const ourEntryKeys = new Set(['lang', 'time_zone', 'secret', 'secret_file'])

const secretKey = /(?:password|secret|token|token_id|credentials|(?:service|routing|api|user|access|secret)_key)$/
/** Addresses that are secrets themselves, by the kind of receiver they stand in. */
const secretUrls: Readonly<Record<string, string>> = {
  slack_configs: 'api_url',
  discord_configs: 'webhook_url',
  msteams_configs: 'webhook_url',
  msteamsv2_configs: 'webhook_url',
  mattermost_configs: 'webhook_url',
  global: 'slack_api_url',
}

export function originalConfig(text: string): string {
  let file: unknown
  try {
    file = parse(text, { maxAliasCount: 50 })
  } catch {
    return '# not valid YAML\n' // one that cannot be read is not in force
  }
  if (typeof file !== 'object' || file === null) return ''
  return redact(stringify(shown(file, []), { lineWidth: 0, aliasDuplicateObjects: false }))
}

function shown(value: unknown, path: readonly string[]): unknown {
  if (Array.isArray(value)) return value.map((one) => shown(one, path))
  if (typeof value !== 'object' || value === null) return value
  const [top] = path
  const kind = path.at(-1) ?? ''
  const entries = Object.entries(value).flatMap(([key, one]): readonly (readonly [string, unknown])[] => {
    if (top === 'receivers' && path.length === 1 && ourReceivers.has(key)) return []
    if (top === 'route' && (kind === 'route' || kind === 'routes') && ourRouteKeys.has(key)) return []
    if (top === 'receivers' && path.length === 2 && ourEntryKeys.has(key)) return []
    const isSecret = typeof one === 'string' && one !== '' && (secretKey.test(key) || secretUrls[kind] === key)
    // Its tools want to read this one as an address.
    if (kind === 'webhook_configs' && key === 'url') return [[key, withoutPath(String(one))]]
    if (isSecret && (top === 'receivers' || top === 'global')) return [[key, '<secret>']]
    if (/headers$/.test(key) && top === 'receivers' && typeof one === 'object' && one !== null)
      return [[key, Object.fromEntries(Object.keys(one).map((name) => [name, '<secret>']))]]
    return [[key, shown(one, [...path, key])]]
  })
  return Object.fromEntries(entries)
}

function withoutPath(url: string): string {
  if (!URL.canParse(url)) return 'http://secret.invalid/'
  const { origin, pathname, search } = new URL(url)
  return pathname === '/' && search === '' ? `${origin}/` : `${origin}/secret`
}
