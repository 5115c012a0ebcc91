// Finds the texts of a source file that are sentences, and where each of them stands: what a person may read. By the compiler's own tree, so that
// comments, names and regular expressions are no words.

import { readFileSync } from 'node:fs'
import * as path from 'node:path'
import ts from 'typescript'

export type Sentence = {
  readonly file: string
  readonly line: number
  /** What is put in at run time stands as `7`. */
  readonly text: string
  /** Names of the properties, variables and calls that the text stands in, the innermost first. */
  readonly inside: readonly string[]
}

const isText = (node: ts.Node): node is ts.StringLiteralLike | ts.TemplateExpression =>
  ts.isStringLiteralLike(node) || ts.isTemplateExpression(node)

export function textOf(node: ts.StringLiteralLike | ts.TemplateExpression): string {
  if (ts.isStringLiteralLike(node)) return node.text
  return node.head.text + node.templateSpans.map((span) => `7${span.literal.text}`).join('')
}

function nameOf(node: ts.Node, source: ts.SourceFile): string | null {
  if (ts.isPropertyAssignment(node) || ts.isVariableDeclaration(node)) return node.name.getText(source)
  if (ts.isCallExpression(node) || ts.isNewExpression(node)) return `${node.expression.getText(source)}()`
  return ts.isImportDeclaration(node) ? 'import' : null
}

export function parseSource(root: string, file: string): ts.SourceFile {
  return ts.createSourceFile(file, readFileSync(path.join(root, file), 'utf8'), ts.ScriptTarget.ES2022, true)
}

export function walk(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node)
  ts.forEachChild(node, (child) => walk(child, visit))
}

/** Texts with two words of small letters one after the other. */
export function sentences(root: string, file: string): readonly Sentence[] {
  const source = parseSource(root, file)
  const found: Sentence[] = []
  walk(source, (node) => {
    if (!isText(node)) return
    const text = textOf(node)
    if (!/[A-Za-z7]{1,} [a-z]{2,}/.test(text)) return
    const inside: string[] = []
    for (let at: ts.Node | undefined = node.parent; at !== undefined; at = at.parent) {
      const name = nameOf(at, source)
      if (name !== null) inside.push(name)
    }
    found.push({ file, line: source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1, text, inside })
  })
  return found
}

/** Objects with words in one language, and whether the other is there as well. */
export function pairs(root: string, file: string): readonly { readonly at: string; readonly fault: string }[] {
  const source = parseSource(root, file)
  const faults: { at: string; fault: string }[] = []
  walk(source, (node) => {
    if (!ts.isObjectLiteralExpression(node)) return
    const texts = new Map<string, ts.Expression>()
    for (const one of node.properties)
      if (ts.isPropertyAssignment(one)) texts.set(one.name.getText(source), one.initializer)
    const [en, zh] = [texts.get('en'), texts.get('zh')]
    const at = `${file}:${source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1}`
    if (en === undefined && zh === undefined) return
    if (en === undefined || zh === undefined) {
      // A shorthand `{ en, zh }` is made of what was checked elsewhere.
      if (!node.properties.some(ts.isShorthandPropertyAssignment)) faults.push({ at, fault: 'one language only' })
      return
    }
    if (!isText(en) || !isText(zh)) return
    const [english, chinese] = [textOf(en), textOf(zh)]
    if (/\p{Script=Han}/u.test(english)) faults.push({ at, fault: `Chinese as English: ${english}` })
    // A name of ours is the same in both.
    if (english === chinese && !english.includes(' ')) return
    if (/[a-z]{3,}/.test(english) && !/\p{Script=Han}/u.test(chinese))
      faults.push({ at, fault: `no Chinese of: ${english}` })
  })
  return faults
}
