// Addresses as Go's net package takes them apart.

/** net.SplitHostPort; undefined where that fails. */
export function splitHostPort(text: string): { readonly host: string; readonly port: string } | undefined {
  const colon = text.lastIndexOf(':')
  if (colon < 0) return undefined
  if (text.startsWith('[')) {
    const close = text.indexOf(']')
    if (close < 0 || close + 1 !== colon || /[[\]]/.test(text.slice(1, close) + text.slice(colon + 1))) return undefined
    return { host: text.slice(1, close), port: text.slice(colon + 1) }
  }
  const host = text.slice(0, colon)
  if (host.includes(':') || /[[\]]/.test(text)) return undefined
  return { host, port: text.slice(colon + 1) }
}

export const joinHostPort = (host: string, port: string): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`

export function isAddress(text: string): boolean {
  return isVersion4(text) || isVersion6(text)
}

const isVersion4 = (text: string): boolean => {
  const parts = text.split('.')
  return parts.length === 4 && parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256)
}

function isVersion6(text: string): boolean {
  const halves = text.split('::')
  if (halves.length > 2) return false
  let groups = 0
  for (const [index, half] of halves.entries()) {
    const parts = half === '' ? [] : half.split(':')
    const last = parts.at(-1) ?? ''
    if (index === halves.length - 1 && last.includes('.')) {
      if (!isVersion4(last)) return false
      parts.pop()
      groups += 2
    }
    if (!parts.every((part) => /^[0-9a-fA-F]{1,4}$/.test(part))) return false
    groups += parts.length
  }
  return halves.length === 2 ? groups < 8 : groups === 8
}
