// Who may do what: one pure function, denied by default. Four roles, each with all rights of the one before it; a scope narrows a principal
// to one pool of hosts. The answer always carries its reason.

export const roles = ['viewer', 'operator', 'approver', 'admin'] as const
export type Role = (typeof roles)[number]

export const actions = [
  'read',
  'generate',
  'write_samples',
  'operate_engine',
  'test_channel',
  'post_alerts',
  'silence',
  'approve',
  'administer',
  'connect_agent',
] as const
export type Action = (typeof actions)[number]

/** `agent` is no person: it may connect and send, nothing else. */
export type Principal = {
  readonly name: string
  readonly role: Role | 'agent' /** `*`, or the pool it is limited to. */
  readonly scope: string
}

/** What is acted on; `pool` null = the fleet as a whole. */
export type Resource = { readonly pool: string | null }

export type Decision = {
  readonly allow: boolean
  readonly reason: 'role_allows' | 'role_too_low' | 'outside_scope' | 'agents_only' | 'not_for_agents'
}

const least: Readonly<Record<Exclude<Action, 'connect_agent'>, Role>> = {
  read: 'viewer',
  generate: 'viewer',
  write_samples: 'operator',
  operate_engine: 'operator',
  test_channel: 'operator',
  post_alerts: 'operator',
  silence: 'operator',
  approve: 'approver',
  administer: 'admin',
}

export function authorize(principal: Principal, action: Action, resource: Resource): Decision {
  if (principal.role === 'agent') {
    return action === 'connect_agent' || action === 'write_samples'
      ? { allow: true, reason: 'role_allows' }
      : { allow: false, reason: 'not_for_agents' }
  }
  if (action === 'connect_agent') return { allow: false, reason: 'agents_only' }
  // Names from outside: what is no role, or no action, is below and above all of them.
  const needed = Object.hasOwn(least, action) ? roles.indexOf(least[action]) : roles.length
  if (roles.indexOf(principal.role) < needed) return { allow: false, reason: 'role_too_low' }
  // Someone limited to a pool has no say over the fleet as a whole, but for reading it.
  const inside =
    principal.scope === '*' || principal.scope === resource.pool || (resource.pool === null && action === 'read')
  return inside ? { allow: true, reason: 'role_allows' } : { allow: false, reason: 'outside_scope' }
}
