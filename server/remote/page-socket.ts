// Plain HTTP on sockets of our own: one request at a time on each, kept for the next, all read into one piece of memory. The library would make new
// buffers, streams and messages for every page.

import { connect, type Socket } from 'node:net'
import { InferwardError } from '../../core/base/errors.ts'
import type { Ending } from './ending.ts'
import type { AnswerReader } from './http-answer.ts'

export type PageSockets = {
  /** Sends the request and reads until the answer is whole. Rejects with what the reader throws, with the fault of the connection, and when it is
   * ended. */
  ask(address: Address, request: string, reader: AnswerReader, ending: Ending): Promise<void>
  /** Ends connections that nobody uses. */
  close(): void
}
export type Address = { readonly host: string; readonly port: number }

/** One for each target, at most. */
const maxIdle = 10_000
const idleMs = 5 * 60_000
const readBytes = 64 << 10

const cutShort = (): InferwardError => new InferwardError({ code: 'scrape.cut_short', message: 'cut short' })

type Exchange = {
  readonly reader: AnswerReader
  /** Something of the answer has come. */
  begun: boolean
  /** Null: the answer is whole. */
  done(fault: Error | null): void
}
type Line = {
  readonly socket: Socket
  readonly key: string
  exchange: Exchange | null
}

export function openPageSockets(): PageSockets {
  const idle = new Map<string, Line[]>()
  let idleCount = 0
  // Node reads a socket and calls back at once, so that one piece of memory serves them all.
  const memory = Buffer.allocUnsafeSlow(readBytes)

  const forget = (line: Line): void => {
    const lines = idle.get(line.key)
    const index = lines?.indexOf(line) ?? -1
    if (lines === undefined || index < 0) return
    lines.splice(index, 1)
    if (lines.length === 0) idle.delete(line.key)
    idleCount--
  }
  const end = (line: Line, fault: Error | null): void => {
    const { exchange } = line
    line.exchange = null
    if (fault !== null || exchange?.reader.reusable !== true || idleCount >= maxIdle) {
      forget(line)
      line.socket.destroy()
    } else {
      const lines = idle.get(line.key)
      if (lines === undefined) idle.set(line.key, [line])
      else lines.push(line)
      idleCount++
    }
    exchange?.done(fault)
  }
  const read = (line: Line, count: number): boolean => {
    const { exchange } = line
    // Nobody asked for anything: whatever this is, it is no answer.
    if (exchange === null) {
      end(line, null)
      return false
    }
    exchange.begun = true
    try {
      if (exchange.reader.feed(memory, count)) end(line, null)
    } catch (error) {
      end(line, error as Error)
    }
    return true
  }
  const ended = (line: Line): void => {
    if (line.exchange === null) return end(line, null)
    try {
      line.exchange.reader.end()
      end(line, null)
    } catch (error) {
      end(line, error as Error)
    }
  }
  const open = (address: Address, key: string): Line => {
    const socket = connect({
      ...address,
      noDelay: true,
      onread: { buffer: memory, callback: (count) => read(line, count) },
    })
    const line: Line = { socket, key, exchange: null }
    socket.setTimeout(idleMs, () => {
      if (line.exchange === null) end(line, null)
    })
    socket.on('error', (error) => end(line, error))
    socket.on('end', () => ended(line))
    socket.on('close', () => ended(line))
    return line
  }

  /** Resolves to false where a kept connection turned out to be closed already. */
  const exchange = (line: Line, request: string, reader: AnswerReader, ending: Ending): Promise<boolean> =>
    new Promise((resolve, reject) => {
      const kept = !line.socket.connecting
      const current: Exchange = {
        reader,
        begun: false,
        done(fault) {
          ending.listen(null)
          if (fault === null) resolve(true)
          else if (kept && !current.begun && ending.reason === null) resolve(false)
          else reject(fault)
        },
      }
      line.exchange = current
      ending.listen(() => end(line, cutShort()))
      line.socket.write(request, 'latin1')
    })

  return {
    async ask(address, request, reader, ending) {
      const key = `${address.host} ${address.port}`
      while (ending.reason === null) {
        const kept = idle.get(key)?.at(-1)
        if (kept !== undefined) forget(kept)
        if (await exchange(kept ?? open(address, key), request, reader, ending)) return
      }
      throw cutShort()
    },
    close() {
      for (const lines of [...idle.values()]) for (const line of [...lines]) end(line, null)
    },
  }
}
