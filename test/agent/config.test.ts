// One file serves all programs: what one of them takes, the others let stand.

import { expect, it } from 'vitest'
import { agentConfig } from '../../agent/config.ts'
import { serverConfig } from '../../server/config.ts'

it('the agent knows every key that the server takes, and the server every key of the agent', () => {
  expect(Object.keys(agentConfig.shape).sort()).toEqual(Object.keys(serverConfig.shape).sort())
})

it('two engines on one address are refused, by the key of the second', () => {
  const engine = (name: string, listen: string) => ({ name, model: 'm.gguf', listen })
  const parse = (...engines: unknown[]) => agentConfig.safeParse({ engines })
  const twice = parse(engine('a', '127.0.0.1:9720'), engine('b', '127.0.0.1:9721'), engine('c', '127.0.0.1:9720'))
  expect(twice.error?.issues).toMatchObject([
    { path: ['engines', 2, 'listen'], message: 'engine "a" has this address' },
  ])
  expect(parse(engine('a', '127.0.0.1:9720'), engine('b', '127.0.0.1:9721')).success).toBe(true)
  expect(parse(engine('a', '127.0.0.1:0'), engine('b', '127.0.0.1:0')).success).toBe(true)
})

it('two engines of one name are refused, by the key of the second', () => {
  const twice = agentConfig.safeParse({
    engines: ['127.0.0.1:9720', '127.0.0.1:9721'].map((listen) => ({ name: 'a', model: 'm.gguf', listen })),
  })
  expect(twice.error?.issues).toMatchObject([{ path: ['engines', 1, 'name'], message: 'there are two engines "a"' }])
})
