// Blocks of a stretch of the head, and of blocks that are neighbours. The head is handed out in sections, in slices; what reads and appends goes on
// meanwhile. Who makes the blocks of it, and on which thread, is the maker's business. Invariant: a block is in force only once it is durable.

import type { BlockFolder } from './block-folder.ts'
import type { BlockMaker, Cut } from './block-maker.ts'
import type { BlockMeta } from './block-meta.ts'
import { firstTimeOf } from './chunk.ts'
import type { Head } from './head.ts'
import type { Window } from './seam.ts'
import { SectionWriter } from './snapshot-format.ts'

const sectionBytes = 1 << 20

/** Writes the head's samples of (from, to] into a block; null where it has none. The head must take no more samples of that stretch. */
export async function cutBlock(
  head: Head,
  blocks: BlockFolder,
  maker: BlockMaker,
  cut: Cut,
  pause: () => Promise<void>,
): Promise<BlockMeta | null> {
  try {
    await maker.begin(cut)
    const writer = new SectionWriter()
    const open: Window = { times: new Float64Array(64), values: new Float64Array(64), stale: new Uint8Array(64) }
    for (let ref = 0; ref < head.bound; ref++) {
      if (!head.has(ref)) continue
      const chunks: Uint8Array[] = []
      const count = head.dump(
        ref,
        cut.from,
        (chunk) => {
          if (firstTimeOf(chunk) <= cut.to) chunks.push(chunk)
        },
        open,
      )
      let inside = 0
      while (inside < count && open.times[inside]! <= cut.to) inside++
      if (inside > 0 || chunks.length > 0) writer.add(head.labels(ref), chunks, open, inside)
      if (writer.waiting >= sectionBytes) await maker.part(writer.take())
      await pause()
    }
    await maker.part(writer.take())
    const meta = await maker.finish()
    if (meta !== null) blocks.add(meta)
    return meta
  } catch (error) {
    blocks.discard(cut.id)
    throw error
  }
}

/** Puts one block in the place of `parents` (oldest first); null where one of them turned out to be damaged, and was set aside. */
export async function mergeBlocks(
  blocks: BlockFolder,
  maker: BlockMaker,
  parents: readonly BlockMeta[],
  id: string,
): Promise<BlockMeta | null> {
  let made: Awaited<ReturnType<BlockMaker['merge']>>
  try {
    made = await maker.merge(parents, id)
  } catch (error) {
    blocks.discard(id)
    throw error
  }
  if ('damaged' in made) {
    blocks.querier(made.damaged) // which says what is wrong with it
    return null
  }
  if (made.damagedChunks > 0) blocks.lost(made.meta.parents, made.damagedChunks)
  blocks.add(made.meta)
  await maker.remove(made.meta.parents)
  return made.meta
}
