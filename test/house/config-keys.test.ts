// One configuration file serves all programs: a key that one of them takes must not be an unknown key to another.

import { expect, it } from 'vitest'
import { agentConfig } from '../../agent/config.ts'
import { serverConfig } from '../../server/config.ts'

it('server and agent know the same keys of the configuration', () => {
  expect(Object.keys(agentConfig.shape).sort()).toEqual(Object.keys(serverConfig.shape).sort())
})
