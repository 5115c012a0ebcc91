// The thread of send-thread.ts.

import { parentPort, workerData } from 'node:worker_threads'
import { openPack, type PackOptions, type WaitingBody } from './send-pack.ts'
import type { SendMessage } from './send-rows.ts'

const pack = openPack(workerData as PackOptions)
parentPort?.on('message', ({ bodies, message }: { bodies: readonly WaitingBody[]; message: SendMessage }) => {
  const packed = pack(bodies, message)
  parentPort?.postMessage(
    packed,
    packed.lanes.flat().map(({ body }) => body.buffer),
  )
})
