// The thread that makes blocks: answers one question after another, in their order.

import { parentPort, workerData } from 'node:worker_threads'
import { errorText } from '../../core/base/errors.ts'
import { nodeFileLayer } from '../../core/base/node-file-layer.ts'
import { openBlockMaker } from '../../core/series/block-maker.ts'
import type { BlockQuestion, BlockReply } from './block-thread.ts'
import { stepBehind } from './nice.ts'

stepBehind()
const maker = openBlockMaker(nodeFileLayer, (workerData as { directory: string }).directory)

async function reply({ verb, args }: BlockQuestion): Promise<BlockReply> {
  try {
    return { value: await (maker[verb] as (...all: readonly unknown[]) => Promise<unknown>)(...args) }
  } catch (error) {
    return { fault: errorText(error) }
  }
}

let last: Promise<void> = Promise.resolve()
parentPort?.on('message', (question: BlockQuestion) => {
  last = last.then(async () => parentPort?.postMessage(await reply(question)))
})
