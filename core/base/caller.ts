// Is this request from somebody who meant us? A browser says by which name it was led here and from which page: a web page that had its own name
// point to a loopback address, or that posts across origins, is nobody's client. Programs send no Origin and call by an address or a known name.

type Headers = { readonly host?: string | undefined; readonly origin?: string | undefined }

/** `[::1]:9720`, `Name.:80` → `[::1]`, `name`; null when it is no host header. */
function nameOf(header: string): string | null {
  const match = /^(\[[0-9a-f:.]+\]|[^\s:[\]/@]+)(?::\d{1,5})?$/i.exec(header)
  return match === null ? null : match[1]!.toLowerCase().replace(/\.$/, '')
}

/** An address cannot be made to point elsewhere. */
const isAddress = (name: string): boolean => name.startsWith('[') || /^\d{1,3}(?:\.\d{1,3}){3}$/.test(name)

/** Called by an address, as localhost, or by one of `names` (`*`: by any). HTTP/1.0 clients send no Host: they are no browser. */
export function calledByName(host: string | undefined, names: readonly string[]): boolean {
  if (host === undefined || names.includes('*')) return true
  const name = nameOf(host)
  if (name === null) return false
  return isAddress(name) || name === 'localhost' || names.some((one) => one.toLowerCase() === name)
}

/** From a page of another origin. Pages of ours are served under the name they are called by. */
export function crossOrigin({ host, origin }: Headers): boolean {
  if (origin === undefined) return false
  return !URL.canParse(origin) || host === undefined || new URL(origin).host !== host.toLowerCase()
}

export type Misled = 'other_name' | 'other_origin'

/** Why the request is not taken; null when it is. Reading across origins is harmless: no answer of ours may be read by another page. */
export function misled(
  request: { readonly method?: string | undefined; readonly headers: Headers },
  names: readonly string[],
): Misled | null {
  if (!calledByName(request.headers.host, names)) return 'other_name'
  const reads = request.method === 'GET' || request.method === 'HEAD'
  return !reads && crossOrigin(request.headers) ? 'other_origin' : null
}
