// Where the compiled entry of a worker or child process lies. `tsc` does not rewrite `new URL('./x.ts')`, so workers and children start
// from `dist` only, by their path inside the project.

import { existsSync } from 'node:fs'
import * as path from 'node:path'
import { fileURLToPath } from 'node:url'
import { InferwardError } from './errors.ts'

const here = fileURLToPath(import.meta.url)
const compiled = here.split(path.sep).includes('dist')

/** Folder that holds package.json. */
export const projectRoot = path.resolve(path.dirname(here), compiled ? '../../..' : '../..')

/** Absolute path of a compiled module, given its source path relative to the project, e.g. `native/host/main.ts`. */
export function entry(source: string): string {
  const file = path.join(projectRoot, 'dist', source.replace(/\.ts$/, '.js'))
  if (existsSync(file)) return file
  throw new InferwardError({
    code: 'entry.not_built',
    message: `${file} does not exist`,
    hint: 'Run `npm run build` in the project folder.',
  })
}
