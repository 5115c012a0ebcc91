// What a restarted agent needs in order to take an engine back: who it is, where its page and its log lie. Written before the engine is
// ready and removed when it is gone; docs/formats/run-file.md.

import { z } from 'zod'
import type { FileLayer } from '../../core/base/file-layer.ts'

const runFile = z
  .object({
    pid: z.number().int().positive(),
    startTime: z.string().min(1),
    bootId: z.string(),
    incarnation: z.string().min(1),
    telemetry: z.string(),
    log: z.string(),
    /** Size of the log when this life began: what lies before it are the words of others. */
    logFrom: z.number().int().nonnegative(),
    /** Arguments of the command line: another configuration is another engine. */
    arguments: z.array(z.string()),
  })
  .strict()
export type RunFile = z.infer<typeof runFile>

export function readRunFile(files: FileLayer, path: string): RunFile | null {
  if (!files.exists(path)) return null
  try {
    return runFile.parse(JSON.parse(new TextDecoder().decode(files.readFile(path))))
  } catch {
    return null // of another version, or damaged: nothing that could be adopted safely
  }
}

export function writeRunFile(files: FileLayer, path: string, value: RunFile): void {
  files.writeAtomic(path, new TextEncoder().encode(JSON.stringify(value)))
}
