// What it means to get a page, for those who ask and those who answer.

import type { Ending } from './ending.ts'
import type { AnswerHead } from './http-answer.ts'

/** The bytes are valid within the call only: one piece of memory serves page after page. */
export type UsePage = (bytes: Uint8Array, contentType: string) => void
/** One object for page after page of a target: what is made of it is kept with it. */
export type GetRequest = {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly maxBytes: number
  /** Left out: redirects are followed. */
  readonly followRedirects?: boolean
  readonly ending: Ending
}
/** Rejects with what `use` throws. */
export type GetPage = (request: GetRequest, use: UsePage) => Promise<void>

/** An answer whose body is there where its status is 200. */
export type Answer = { readonly head: AnswerHead; readonly body: Uint8Array; release(): void }
