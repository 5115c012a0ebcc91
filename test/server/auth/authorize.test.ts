// Who may do what: the whole table of role, action and scope, written out by hand.

import { describe, expect, it } from 'vitest'
import { type Action, actions, authorize, type Principal, roles } from '../../../server/auth/authorize.ts'

const may: Readonly<Record<Principal['role'], readonly Action[]>> = {
  viewer: ['read', 'generate'],
  operator: ['read', 'generate', 'write_samples', 'operate_engine', 'test_channel', 'post_alerts', 'silence'],
  approver: [
    'read',
    'generate',
    'write_samples',
    'operate_engine',
    'test_channel',
    'post_alerts',
    'silence',
    'approve',
  ],
  admin: [
    'read',
    'generate',
    'write_samples',
    'operate_engine',
    'test_channel',
    'post_alerts',
    'silence',
    'approve',
    'administer',
  ],
  agent: ['connect_agent', 'write_samples'],
}
const allRoles = [...roles, 'agent'] as const
const cases = allRoles.flatMap((role) => actions.map((action) => [role, action] as const))

describe('authorize', () => {
  it('knows no action that this table does not', () => {
    expect([...new Set(Object.values(may).flat())].sort()).toEqual([...actions].sort())
  })

  it.each(cases)('%s and %s, with every scope', (role, action) => {
    const decide = (scope: string, pool: string | null) => authorize({ name: 'p', role, scope }, action, { pool })
    const allowed = may[role].includes(action)
    const reason = allowed
      ? 'role_allows'
      : role === 'agent'
        ? 'not_for_agents'
        : action === 'connect_agent'
          ? 'agents_only'
          : 'role_too_low'
    expect(decide('*', null)).toEqual({ allow: allowed, reason })
    expect(decide('*', 'blue')).toEqual({ allow: allowed, reason })
    expect(decide('blue', 'blue')).toEqual({ allow: allowed, reason })
    if (!allowed || role === 'agent') return
    expect(decide('blue', 'green')).toEqual({ allow: false, reason: 'outside_scope' })
    expect(decide('blue', 'Blue')).toEqual({ allow: false, reason: 'outside_scope' })
    expect(decide('', 'blue')).toEqual({ allow: false, reason: 'outside_scope' })
    expect(decide('blue', null).allow).toBe(action === 'read')
  })

  it.each(['root', '', 'Admin', 'constructor', '__proto__'])('lets a role nobody knows, %j, do nothing', (role) => {
    for (const action of actions)
      expect(authorize({ name: 'p', role: role as 'admin', scope: '*' }, action, { pool: null }).allow).toBe(false)
  })

  it.each(['reboot', '', 'constructor'])('lets nobody do what is no action: %j', (action) => {
    for (const role of allRoles)
      expect(authorize({ name: 'p', role, scope: '*' }, action as Action, { pool: null }).allow).toBe(false)
  })
})
