// What the agent began and what came of it, on disk before the effect. After a crash, an action that was started and has no end is
// `unknown`: it is reported, never run again.

import { z } from 'zod'
import type { FileLayer } from '../../core/base/file-layer.ts'
import { engineActions } from '../../core/event/event.ts'
import { openSegmentLog } from '../../core/segment/segment-log.ts'

const entry = z
  .object({
    step: z.enum(['started', 'ended']),
    id: z.string(),
    commandId: z.string().nullable(),
    engine: z.string(),
    action: z.enum(engineActions),
    principal: z.string(),
    fence: z.number().nullable(),
    result: z.string(),
    at: z.number(),
  })
  .strict()
export type JournalEntry = z.infer<typeof entry>

export type Journal = {
  /** Started and not ended when the journal was opened. */
  readonly unfinished: readonly JournalEntry[]
  /** Highest fence ever obeyed, by engine. */
  readonly fences: ReadonlyMap<string, number>
  /** Engines whose last command that began was a stop: somebody wants them down. */
  readonly stopped: ReadonlySet<string>
  /** Commands that were seen, so that one sent twice is done once. */
  readonly known: ReadonlySet<string>
  /** Durable when it resolves. */
  write(entry: JournalEntry): Promise<void>
  close(): Promise<void>
}

export function openJournal(files: FileLayer, directory: string, newEpoch: () => bigint): Journal {
  const log = openSegmentLog({
    files,
    directory,
    segmentBytes: 1 << 20,
    capBytes: 8 << 20,
    full: 'drop_oldest',
    newEpoch,
  })
  const open = new Map<string, JournalEntry>()
  const fences = new Map<string, number>()
  const stopped = new Set<string>()
  const known = new Set<string>()
  for (const frame of log.read(1, Number.POSITIVE_INFINITY)) {
    const parsed = entry.safeParse(JSON.parse(new TextDecoder().decode(frame.payload)))
    if (!parsed.success) continue // an entry of a newer version: it cannot be judged here
    const found = parsed.data
    if (found.step === 'started') open.set(found.id, found)
    else open.delete(found.id)
    if (found.commandId !== null) {
      known.add(found.commandId)
      if (found.step === 'started') {
        if (found.action === 'stop') stopped.add(found.engine)
        else stopped.delete(found.engine)
      }
    }
    if (found.fence !== null) fences.set(found.engine, Math.max(found.fence, fences.get(found.engine) ?? 0))
  }
  return {
    unfinished: [...open.values()],
    fences,
    stopped,
    known,
    async write(value) {
      if (log.append(new TextEncoder().encode(JSON.stringify(value))) === null)
        throw new Error('the command journal is full')
      await log.commit()
    },
    close: () => log.close(),
  }
}
