// What kind of place an IP address is: a cloud's metadata service, this host, a private network, or the public Internet. Pure. An IPv4 address
// that hides inside an IPv6 one (mapped, compatible, NAT64, 6to4) is what it hides.

import { BlockList, isIP, isIPv6 } from 'node:net'

export type AddressClass = 'metadata' | 'host' | 'private' | 'public'

const list = (...ranges: readonly string[]): BlockList => {
  const out = new BlockList()
  for (const range of ranges) {
    const [address, bits] = range.split('/') as [string, string]
    out.addSubnet(address, Number(bits), isIPv6(address) ? 'ipv6' : 'ipv4')
  }
  return out
}

// 169.254.0.0/16 holds the services of AWS, Azure, GCP and Tencent, of ECS tasks (169.254.170.2) and EKS pods (169.254.170.23);
// 100.100.100.200 is Alibaba's, 192.0.0.192 Oracle's, 168.63.129.16 Azure's wire server.
const metadata = list(
  '169.254.0.0/16',
  '100.100.100.200/32',
  '192.0.0.192/32',
  '168.63.129.16/32',
  'fd00:ec2::/32',
  'fd20:ce::254/128',
)
const host = list('127.0.0.0/8', '::1/128')
// RFC 1918, carrier-grade NAT, benchmarks, protocol assignments, documentation, multicast, reserved; of IPv6 unique local, link local,
// documentation, discard, multicast. An unspecified address reaches this host, and nobody means it.
const local = list(
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
  '::/128',
  '64:ff9b:1::/48',
  '100::/64',
  '2001:db8::/32',
  'fc00::/7',
  'fe80::/9',
  'ff00::/8',
)

/** Null: not an IP address. `%zone` behind an IPv6 address is left aside. */
export function classOf(address: string): AddressClass | null {
  const bare = address.replace(/%.*$/, '')
  const family = isIP(bare)
  if (family === 0) return null
  const hidden = family === 6 ? hiddenIpv4(bare) : null
  const [one, kind] = hidden === null ? ([bare, family === 6 ? 'ipv6' : 'ipv4'] as const) : ([hidden, 'ipv4'] as const)
  if (metadata.check(one, kind)) return 'metadata'
  if (host.check(one, kind)) return 'host'
  return local.check(one, kind) ? 'private' : 'public'
}

/** The eight groups of an IPv6 address, as the URL parser writes them. */
function groupsOf(address: string): readonly number[] {
  const text = new URL(`http://[${address}]/`).hostname.slice(1, -1)
  const [left = '', right] = text.split('::')
  const read = (part: string): number[] =>
    part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16))
  const [head, tail] = [read(left), right === undefined ? [] : read(right)]
  return [...head, ...Array<number>(8 - head.length - tail.length).fill(0), ...tail]
}

function hiddenIpv4(address: string): string | null {
  const groups = groupsOf(address)
  const dotted = (high: number, low: number): string => [high >> 8, high & 255, low >> 8, low & 255].join('.')
  const begins = (...first: readonly number[]): boolean => first.every((group, at) => groups[at] === group)
  const last = dotted(groups[6]!, groups[7]!)
  if (begins(0, 0, 0, 0, 0, 0xffff) || begins(0x64, 0xff9b, 0, 0, 0, 0)) return last
  if (begins(0x2002)) return dotted(groups[1]!, groups[2]!)
  // `::` and `::1` are themselves.
  return begins(0, 0, 0, 0, 0, 0) && (groups[6] !== 0 || groups[7]! > 1) ? last : null
}
