// One file serves all programs: what one of them takes, the others let stand.

import { expect, it } from 'vitest'
import { agentConfig } from '../../agent/config.ts'
import { serverConfig } from '../../server/config.ts'

it('the agent knows every key that the server takes, and the server every key of the agent', () => {
  expect(Object.keys(agentConfig.shape).sort()).toEqual(Object.keys(serverConfig.shape).sort())
})
