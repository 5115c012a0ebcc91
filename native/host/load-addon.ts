// Loads the compiled addon. The only place that names the file.

import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import * as path from 'node:path'
import { projectRoot } from '../../core/base/entry.ts'
import { InferwardError } from '../../core/base/errors.ts'
import type { EngineAddon } from './addon.ts'

export function loadAddon(): EngineAddon {
  const file = path.join(projectRoot, 'native', 'build', 'inferward.node')
  if (!existsSync(file)) {
    throw new InferwardError({
      code: 'host.addon_missing',
      message: `${file} does not exist`,
      hint: 'Run `npm run build`; it needs a C++ compiler (Debian: apt-get install g++).',
    })
  }
  return createRequire(import.meta.url)(file) as EngineAddon
}
