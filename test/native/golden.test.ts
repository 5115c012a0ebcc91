// Our engine on the shipped model gives exactly the texts that the peer engine gives (test/real/golden.ts says how they were made), alone and
// in a batch. Needs the built addon and the model, not the peer.

import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import * as path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openTokenizer, type Tokenizer } from '../../native/host/tokenizer.ts'
import { readGolden } from '../helpers/golden.ts'
import { openEngine, type TestEngine } from '../helpers/native-engine.ts'

const golden = readGolden()
const model = readFileSync(path.resolve(import.meta.dirname, '../..', golden.model))

describe('the shipped model', () => {
  let engine: TestEngine
  let tokenizer: Tokenizer

  beforeAll(async () => {
    engine = await openEngine(model, { maxQueue: golden.entries.length })
    tokenizer = openTokenizer(engine.handle.info)
  })
  afterAll(async () => {
    await engine?.[Symbol.asyncDispose]()
  })

  const textOf = (tokens: readonly number[]): string => {
    const stream = tokenizer.stream()
    return tokens.map((token) => stream.push(token)).join('') + stream.end()
  }

  it('is the one that the golden texts were made with, fifty of them, each of clear choices', () => {
    expect(createHash('sha256').update(model).digest('hex')).toBe(golden.modelSha256)
    expect(golden.entries).toHaveLength(50)
    expect(
      Math.min(...golden.entries.flatMap((entry) => [...entry.leads, ...entry.exactLeads])),
    ).toBeGreaterThanOrEqual(0.01)
  })

  it.each(golden.entries)('continues "$prompt" as the peer does', async ({ prompt, promptTokens, tokens, text }) => {
    expect([...tokenizer.encode(prompt)]).toEqual(promptTokens)
    const answer = await engine.generate({ tokens: promptTokens, maxTokens: tokens.length })
    expect({ text: textOf(answer.tokens), tokens: answer.tokens }).toEqual({ text, tokens })
  })

  it('continues all of them at once just the same', async () => {
    const answers = await Promise.all(
      golden.entries.map(({ promptTokens, tokens }) =>
        engine.generate({ tokens: promptTokens, maxTokens: tokens.length }),
      ),
    )
    expect(answers.map((answer) => textOf(answer.tokens))).toEqual(golden.entries.map((entry) => entry.text))
  })
})
