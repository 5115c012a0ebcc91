// Packing on a thread of its own, beside the store: rules are evaluated as punctually while samples are sent on. A thread that ends is replaced
// with the next piece of work; the one that it had comes again.

import { Worker } from 'node:worker_threads'
import { InferwardError } from '../../core/base/errors.ts'
import type { Packed, Packer, PackOptions } from './send-pack.ts'

/** `program`: compiled entry of the thread. */
export function threadPacker(program: string, options: PackOptions): Packer {
  let worker: Worker | null = null
  let waiting: { resolve(packed: Packed): void; reject(error: Error): void } | null = null
  const ended = (one: Worker, cause: unknown): void => {
    if (worker !== one) return
    worker = null
    const message = 'the thread that packs what is sent on has ended'
    waiting?.reject(new InferwardError({ code: 'remote_write.thread', message, retryable: true, cause }))
    waiting = null
  }
  const begin = (): Worker => {
    const one = new Worker(program, { workerData: options })
    one.unref()
    one.on('message', (packed: Packed) => {
      waiting?.resolve(packed)
      waiting = null
    })
    one.on('error', (error) => ended(one, error))
    one.on('exit', (code) => ended(one, code))
    return one
  }
  return {
    pack(bodies, message) {
      worker ??= begin()
      const one = worker
      return new Promise((resolve, reject) => {
        waiting = { resolve, reject }
        const own = bodies.map(({ kind, body }) => ({ kind, body: body.slice() }))
        one.postMessage(
          { bodies: own, message },
          own.map(({ body }) => body.buffer),
        )
      })
    },
    async stop() {
      const one = worker
      worker = null
      waiting?.reject(new InferwardError({ code: 'remote_write.stopped', message: 'stopped' }))
      waiting = null
      await one?.terminate()
    },
  }
}
