// Where a notification may not go: the addresses at which clouds hand out credentials. Checked on the address that the connection will use,
// after the name was resolved, so that no name can point there later. Private ranges are allowed: the file names them on purpose.

import { lookup as dnsLookup } from 'node:dns'
import { BlockList, isIP, type LookupFunction } from 'node:net'
import { InferwardError } from '../../core/base/errors.ts'

// 169.254.0.0/16 holds the services of AWS, Azure, GCP and Tencent, of ECS tasks (169.254.170.2) and EKS pods (169.254.170.23);
// 100.100.100.200 is Alibaba's, 192.0.0.192 Oracle's, 168.63.129.16 Azure's wire server. BlockList sees through ::ffff:a.b.c.d.
const refused = new BlockList()
refused.addSubnet('169.254.0.0', 16, 'ipv4')
for (const address of ['100.100.100.200', '192.0.0.192', '168.63.129.16']) refused.addAddress(address, 'ipv4')
refused.addSubnet('fd00:ec2::', 32, 'ipv6')
refused.addAddress('fd20:ce::254', 'ipv6')
// The same behind NAT64.
refused.addSubnet('64:ff9b::a9fe:0', 112, 'ipv6')
refused.addAddress('64:ff9b::6464:64c8', 'ipv6')

const refusedNames = /^(?:metadata|metadata\.google\.internal|metadata\.goog|instance-data(?:\.ec2\.internal)?)\.?$/i

/** Words why a connection to this host or address is refused, or null. */
export function refusal(host: string): string | null {
  const bare = host.replace(/^\[(.*)\]$/, '$1')
  if (refusedNames.test(bare)) return `${bare} is a cloud metadata service`
  const family = isIP(bare)
  if (family !== 0 && refused.check(bare, family === 6 ? 'ipv6' : 'ipv4')) {
    return `${bare} is the address of a cloud metadata service`
  }
  return null
}

export function refusedError(words: string): InferwardError {
  return new InferwardError({
    code: 'notify.refused_address',
    message: `not connected: ${words}`,
    hint: 'Name the receiver itself; cloud metadata services are never called.',
  })
}

/** For `net.connect` and `http.request`: resolves a name once, and fails when any of its addresses is refused. */
export const guardedLookup: LookupFunction = lookupGuard(dnsLookup)

export function lookupGuard(resolve: typeof dnsLookup): LookupFunction {
  return (hostname, options, callback) => {
    const named = refusal(hostname)
    if (named !== null) return void callback(refusedError(named), [])
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return callback(error, [])
      for (const { address } of addresses) {
        const words = refusal(address)
        if (words !== null) return callback(refusedError(`${hostname} resolves to it: ${words}`), [])
      }
      const first = addresses[0]
      if (options.all === true) return callback(null, addresses)
      if (first === undefined) return callback(new Error(`${hostname} has no address`), [])
      callback(null, first.address, first.family)
    })
  }
}
