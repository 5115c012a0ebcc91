// A block maker on a thread of its own. The thread lives while there is something to do; one that ends by itself fails what it was asked, and the next
// question starts another.

import { Worker } from 'node:worker_threads'
import { errorText, InferwardError } from '../../core/base/errors.ts'
import type { BlockMaker } from '../../core/series/block-maker.ts'

type Verb = 'begin' | 'part' | 'finish' | 'merge' | 'remove'
export type BlockQuestion = { readonly verb: Verb; readonly args: readonly unknown[] }
export type BlockReply = { readonly value: unknown } | { readonly fault: string }

type Waiting = { readonly resolve: (value: never) => void; readonly reject: (error: Error) => void }

/** `program`: compiled entry of the thread. */
export function blockThread(program: string, directory: string): BlockMaker {
  let worker: Worker | null = null
  /** In the order of their questions, which is that of the replies. */
  let waiting: Waiting[] = []
  let stopped = false

  const failAll = (why: string): void => {
    const all = waiting
    waiting = []
    const error = new InferwardError({ code: 'store.block_thread', message: why, retryable: true })
    for (const { reject } of all) reject(error)
  }
  const start = (): Worker => {
    const made = new Worker(program, { workerData: { directory } })
    made.unref()
    made.on('message', (reply: BlockReply) => {
      const next = waiting.shift()
      if ('fault' in reply) next?.reject(new Error(reply.fault))
      else next?.resolve(reply.value as never)
    })
    let words = 'the thread that makes blocks ended'
    made.on('error', (error) => {
      words = `the thread that makes blocks ended: ${errorText(error)}`
    })
    made.once('exit', () => {
      if (worker !== made) return
      worker = null
      failAll(words)
    })
    return made
  }
  const ask = <T>(verb: Verb, args: readonly unknown[], transfer: readonly ArrayBuffer[] = []): Promise<T> =>
    new Promise((resolve, reject) => {
      if (stopped) return reject(new InferwardError({ code: 'store.block_thread', message: 'the store stops' }))
      worker ??= start()
      waiting.push({ resolve, reject })
      worker.postMessage({ verb, args } satisfies BlockQuestion, transfer)
    })
  const end = async (): Promise<void> => {
    const old = worker
    worker = null
    await old?.terminate()
  }

  return {
    begin: (cut) => ask('begin', [cut]),
    part: (section) => ask('part', [section], [section.buffer as ArrayBuffer]),
    finish: () => ask('finish', []),
    merge: (parents, id) => ask('merge', [parents, id]),
    remove: (ids) => ask('remove', [ids]),
    rest: end,
    async stop() {
      stopped = true
      // First, so that no answer comes between: what is under way has failed from here on.
      failAll('the store stops')
      await end()
    },
  }
}
