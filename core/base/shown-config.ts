// A configuration as it may be shown: what it says, without comments, with every value that could be a secret cut. Invariant: what stands
// under a key that names a secret, or is sent as a header, is never shown, however it is written in YAML.

import { type Document, isAlias, isMap, isNode, isScalar, isSeq, parseDocument, visit } from 'yaml'
import { redact } from './redact.ts'

/** Says in its name that it is secret. What ends in `_file` only says where one lies. */
const secretKey =
  /pass(?:word|wd|phrase)?$|secrets?$|token$|credentials?$|(?:api|access)[_-]?key$|^(?:authorization|cookie)$/i
/** Holds names and values that people choose: no name tells which of them is a secret. */
const secretMap = /headers$/i

export function shownConfig(text: string): string {
  const document = parseDocument(text, { logLevel: 'silent' })
  if (document.contents === null) return ''
  // Nothing that cannot be read is in force; should it be, no word of it is known to be harmless.
  if (document.errors.length > 0) return '# not valid YAML\n'
  // A secret that was set aside is one still.
  document.comment = document.commentBefore = null
  visit(document, {
    Node: (_key, node) => {
      node.comment = node.commentBefore = null
    },
  })
  visit(document, {
    Pair: (_key, pair) => {
      const name = isScalar(pair.key) ? String(pair.key.value) : ''
      if (secretKey.test(name) || secretMap.test(name)) cut(pair.value, document)
    },
  })
  return redact(document.toString({ lineWidth: 0 }))
}

/** In place, every scalar below: an alias of it elsewhere shows no more than it does, and what it is itself an alias of is cut as well. */
function cut(node: unknown, document: Document): void {
  if (isAlias(node)) return cut(node.resolve(document), document)
  if (isMap(node)) for (const pair of node.items) cut(pair.value, document)
  else if (isSeq(node)) for (const item of node.items) cut(item, document)
  else if (isNode(node) && isScalar(node) && node.value !== null) {
    node.value = '***'
    node.type = 'PLAIN'
  }
}
