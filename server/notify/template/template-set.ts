// The templates of a configuration: those that the program brings, and over them those of the files that `templates:` names. Read anew with the
// configuration, so that a reload takes both or neither.

import * as path from 'node:path'
import { errorText, isInferwardError, systemCode } from '../../../core/base/errors.ts'
import { alertmanagerFunctions } from '../../../core/rules/gotemplate/alertmanager-functions.ts'
import { missingTemplates } from '../../../core/rules/gotemplate/calls.ts'
import { extendLibrary, type Library } from '../../../core/rules/gotemplate/template.ts'
import { builtInLibrary } from './built-in.ts'
import { compileText, type TemplateForm, type TemplateText } from './template-text.ts'

const maxFiles = 1000

/** How the files of a configuration are read; both throw as `node:fs` does. */
export type TemplateFiles = {
  readonly read: (file: string) => string
  /** Names in a folder. */
  readonly list: (folder: string) => readonly string[]
}
export type TemplateSet = {
  readonly library: Library
  /** Files in the order in which they were read: later definitions win. */
  readonly files: readonly string[]
  /** `FILE:line:col: what is wrong`, or `FILE: why it cannot be read`. */
  readonly faults: readonly string[]
  /** Patterns that match no file. */
  readonly warnings: readonly string[]
  /** Throws `template.invalid` with the position in `text`. */
  compile(text: string, form: TemplateForm): TemplateText
}

/** Patterns are relative to `folder`; one that matches nothing adds nothing, as upstream. `onFault` is told of every failed rendering. */
export function loadTemplates(options: {
  readonly patterns: readonly string[]
  readonly folder: string
  readonly files: TemplateFiles
  readonly onFault?: () => void
}): TemplateSet {
  const matched = options.patterns.map((pattern) => expand(path.resolve(options.folder, pattern), options.files))
  const files = [...new Set(matched.flat())]
  const faults: string[] = []
  if (files.length > maxFiles) faults.push(`templates: ${files.length} files, at most ${maxFiles}`)
  let library = builtInLibrary()
  for (const file of files.slice(0, maxFiles)) {
    try {
      library = extendLibrary(
        library,
        { name: path.basename(file), file, text: options.files.read(file) },
        alertmanagerFunctions,
      )
    } catch (error) {
      faults.push(
        isInferwardError(error) ? words(error) : `${file}: cannot be read (${systemCode(error) ?? errorText(error)})`,
      )
    }
  }
  // A file that is not there may be the one that defines what is missing.
  if (faults.length === 0) faults.push(...missingTemplates(library.definitions).map(words))
  return {
    library,
    files,
    faults,
    warnings: options.patterns.flatMap((pattern, index) =>
      matched[index]!.length > 0 ? [] : [`templates[${index}]: nothing matches ${pattern}`],
    ),
    compile: (text, form) =>
      compileText(text, form, {
        library,
        // What a faulty file should have defined is missing everywhere: the file's own fault says it all.
        closed: faults.length === 0,
        onFault: options.onFault ?? (() => {}),
      }),
  }
}

const words = (error: unknown): string => errorText(error).replace(/^template: :?/, '')

/** What is wrong with a text of a receiver, as `line:col: words`. */
export const faultOf = (error: unknown): string => `not a template: ${words(error)}`

/** `*`, `?` and `[…]` inside one name of the path each; without them a file that is there. */
function expand(pattern: string, files: TemplateFiles): readonly string[] {
  const { root } = path.parse(pattern)
  let found: string[] = [root]
  for (const part of path.relative(root, pattern).split(path.sep)) {
    if (!/[*?[]/.test(part)) found = found.map((folder) => path.join(folder, part))
    else {
      const name = nameOf(part)
      found = found.flatMap((folder) =>
        listed(folder, files)
          .filter((one) => name.test(one))
          .sort()
          .map((one) => path.join(folder, one)),
      )
    }
  }
  return found.filter((file) => listed(path.dirname(file), files).includes(path.basename(file)))
}

function nameOf(part: string): RegExp {
  const source = part.replace(/\[\^?(?:\\.|[^\]\\])+\]|\\.|[.*+?^${}()|[\]\\]/g, (piece) => {
    if (piece === '*') return '.*'
    if (piece === '?') return '.'
    return piece.length > 1 ? piece : `\\${piece}`
  })
  try {
    return new RegExp(`^${source}$`, 'su')
  } catch {
    return /(?!)/ // a range that ends before it begins matches nothing
  }
}

function listed(folder: string, files: TemplateFiles): readonly string[] {
  try {
    return files.list(folder)
  } catch {
    return [] // no such folder: nothing matches there
  }
}
