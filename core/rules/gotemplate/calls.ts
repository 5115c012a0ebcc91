// Which templates a set calls by name and does not have. Go finds that out when it renders, at night; a configuration is told when it is read.

import type { InferwardError } from '../../base/errors.ts'
import type { Block, Statement } from './node.ts'
import type { Definitions } from './parse.ts'
import { invalid, type Source } from './position.ts'
import { goQuote } from './quote.ts'

/** A fault for every such call, in the texts of `only` if it is given. */
export function missingTemplates(definitions: Definitions, only?: Source): readonly InferwardError[] {
  return [...definitions.values()]
    .filter(({ source }) => only === undefined || source === only)
    .flatMap(({ body, source }) =>
      calls(body)
        .filter((call) => !definitions.has(call.name))
        .map((call) => invalid(source, call.at, `template ${goQuote(call.name)} is defined nowhere`)),
    )
}

function calls(block: Block): readonly Extract<Statement, { readonly kind: 'template' }>[] {
  return block.flatMap((statement) => {
    switch (statement.kind) {
      case 'template':
        return [statement]
      case 'if':
      case 'with':
      case 'range':
        return [...calls(statement.body), ...calls(statement.otherwise ?? [])]
      default:
        return []
    }
  })
}
