// What a user's templates made of a notification: all the texts of a message, or the reason why there are none.

export type OwnTexts<Name extends string> = {
  /** Without those that the user does not write; without any when one of them fails. */
  readonly texts: Readonly<Partial<Record<Name, string>>>
  /** `NAME: what went wrong`, or null. */
  readonly fault: string | null
}
