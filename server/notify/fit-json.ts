// A JSON body of at most so many bytes: measured as written, since JSON lengthens quotes and line breaks, and made again with less room until
// it fits.

import { byteLength } from './render/bytes.ts'

export type Fitted = {
  readonly body: string
  /** Alerts that the body names one by one. */
  readonly shown: number
}

/** Bytes of a text inside JSON, without its quotes. */
export const jsonLength = (text: string): number => byteLength(JSON.stringify(text)) - 2

/** `make` is given the bytes that its text may take, and may need a little more for what stands around it. */
export function fitJson(
  limit: number,
  make: (room: number) => { readonly body: unknown; readonly shown: number },
): Fitted {
  for (let room = limit; ; ) {
    const made = make(room)
    const body = JSON.stringify(made.body)
    const over = byteLength(body) - limit
    if (over <= 0 || room <= 0) return { body, shown: made.shown }
    room -= over
  }
}
