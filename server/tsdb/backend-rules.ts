// What one evaluation of a rule group needs of a store that answers over the network: asked beforehand, since rules are worked out in one go.
// A rule that reads what another one of its group records sees what that one recorded at the evaluation before.

import { InferwardError } from '../../core/base/errors.ts'
import type { EvaluationDeps } from '../../core/rules/group.ts'
import type { VectorSample } from '../../core/rules/query.ts'
import type { RuleGroup } from '../../core/rules/rule.ts'
import type { Matcher } from '../../core/series/seam.ts'
import { ruleSamples } from './rule-samples.ts'
import type { QueryAnswer } from './store-client.ts'

/** Questions to the backend at once, so that a large group does not take it for itself. */
const together = 4

export type Ask = {
  query(text: string, time: number): Promise<QueryAnswer>
  /** Is there a matching series with a sample in (from, to]? */
  has(matchers: readonly Matcher[], from: number, to: number): Promise<boolean>
}
type Held<T> = { readonly value: T } | { readonly error: unknown }
type Prepared = Pick<EvaluationDeps, 'query' | 'has'>

/** Never rejects: a question that failed fails the rule that asked it. */
export async function prepareGroup(group: RuleGroup, at: number, ask: Ask): Promise<Prepared> {
  const time = at - group.queryOffsetMs
  const results = new Map<string, Held<readonly VectorSample[]>>()
  const seen = new Map<string, Held<boolean>>()
  const queue = [...new Map(group.rules.map((rule) => [rule.expression.text, rule])).values()]
  const one = async (): Promise<void> => {
    for (let rule = queue.shift(); rule !== undefined; rule = queue.shift()) {
      const { text, selectors } = rule.expression
      const result = await held(async () => ruleSamples(await ask.query(text, time)))
      results.set(text, result)
      const empty = 'value' in result && result.value.length === 0
      if (rule.kind !== 'alerting' || !empty) continue
      for (const { matchers, fromMs, toMs } of selectors.filter((selector) => !selector.absent)) {
        const key = keyOf(matchers, time - fromMs, time - toMs)
        if (!seen.has(key)) seen.set(key, await held(() => ask.has(matchers, time - fromMs, time - toMs)))
      }
    }
  }
  await Promise.all(Array.from({ length: together }, one))
  return {
    query: (text) => take(results.get(text), text),
    // Of what was not asked nothing is known; a rule must not be called blind for that.
    has: (matchers, from, to) => {
      const found = seen.get(keyOf(matchers, from, to))
      return found === undefined ? true : take(found, 'has')
    },
  }
}

async function held<T>(work: () => Promise<T>): Promise<Held<T>> {
  try {
    return { value: await work() }
  } catch (error) {
    return { error }
  }
}

function take<T>(found: Held<T> | undefined, what: string): T {
  if (found === undefined)
    throw new InferwardError({
      code: 'backend.not_asked',
      message: `no answer for ${what.slice(0, 200)}`,
      retryable: true,
    })
  if ('error' in found) throw found.error
  return found.value
}

const keyOf = (matchers: readonly Matcher[], from: number, to: number): string =>
  JSON.stringify([matchers.map(({ name, op, value }) => [name, op, value]), from, to])
