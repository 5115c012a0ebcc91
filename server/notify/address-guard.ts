// Where a message may not go. Cloud metadata services never; private networks only where the configuration file says so; this host only where the
// file names it. Checked on the address that the connection will use, after the name was resolved, so that no name can point elsewhere later.

import { lookup as dnsLookup } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'
import { InferwardError } from '../../core/base/errors.ts'
import { type AddressClass, classOf } from './address-class.ts'

/**
 * How far a connection may reach. `public`: the Internet, for addresses that arrive by API or console. `host`: also this host itself, for those of
 * the configuration file. `private`: also private networks, for those of the file that say `allow_private: true`.
 */
export type Reach = 'public' | 'host' | 'private'

const allowed: Readonly<Record<Reach, readonly AddressClass[]>> = {
  public: ['public'],
  host: ['public', 'host'],
  private: ['public', 'host', 'private'],
}

const metadataNames = /^(?:metadata|metadata\.google\.internal|metadata\.goog|instance-data(?:\.ec2\.internal)?)\.?$/i
const hostNames = /^(?:localhost|.*\.localhost)\.?$/i

/** Words why a connection to this host or address is refused, or null. A name that says nothing by itself is judged by its addresses, later. */
export function refusal(host: string, reach: Reach): string | null {
  const bare = host.replace(/^\[(.*)\]$/, '$1')
  if (metadataNames.test(bare)) return `${bare} is a cloud metadata service`
  const kind = hostNames.test(bare) ? 'host' : classOf(bare)
  if (kind === null || allowed[reach].includes(kind)) return null
  if (kind === 'metadata') return `${bare} is the address of a cloud metadata service`
  if (reach === 'public') return `${bare} is not on the Internet`
  return `${bare} is a private address: set allow_private: true for this channel if it is meant`
}

export function refusedError(words: string): InferwardError {
  return new InferwardError({
    code: 'notify.refused_address',
    message: `not connected: ${words}`,
    hint: 'Name the receiver itself; cloud metadata services are never called.',
  })
}

export type Resolve = typeof dnsLookup

/** For `net.connect` and `http.request`: resolves a name once, and fails when any of its addresses is refused. */
export function lookupGuard(reach: Reach, resolve: typeof dnsLookup = dnsLookup): LookupFunction {
  return (hostname, options, callback) => {
    const named = refusal(hostname, reach)
    if (named !== null) return void callback(refusedError(named), [])
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return callback(error, [])
      for (const { address } of addresses) {
        // What is no address cannot be judged, and so not be called.
        const words = isIP(address.replace(/%.*$/, '')) === 0 ? `${address} is no address` : refusal(address, reach)
        if (words !== null) return callback(refusedError(`${hostname} resolves to it: ${words}`), [])
      }
      const first = addresses[0]
      if (options.all === true) return callback(null, addresses)
      if (first === undefined) return callback(new Error(`${hostname} has no address`), [])
      callback(null, first.address, first.family)
    })
  }
}
