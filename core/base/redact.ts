// Cuts secrets out of text that leaves a room: robot tokens and keys in URLs, basic-auth passwords, bearer tokens, DSN passwords.
// It is the last fence, not the first: secrets are typed (`Secret`) and should not reach a log at all. Every repetition that is followed by
// something else has an upper bound: a megabyte of hostile text takes no longer than a megabyte of prose.

const patterns: readonly (readonly [RegExp, string])[] = [
  [
    /([?&](?:access_token|key|sign|sig|token|secret|client_secret|password|api_?key|x-amz-signature|x-amz-security-token)=)[^&\s"'<>]+/gi,
    '$1***',
  ],
  // Up to the last @ of the authority: a password may hold one that nobody escaped.
  [/(\b[a-z][a-z0-9+.-]{0,30}:\/\/[^\s:/@"']{0,200}:)[^\s/"']{1,2000}@/gi, '$1***@'],
  [/(\b(?:bearer|basic)\s{1,8})[a-z0-9._~+/=-]{8,}/gi, '$1***'],
  // Key words of a libpq connection string.
  [/(\b(?:password|passwd|sslpassword)=)(?:'[^']{0,2000}'|[^\s'"&]+)/gi, '$1***'],
  // Fields of JSON that was quoted in an error.
  [/("(?:password|token|secret|access_token|client_secret|api_?key)"\s{0,8}:\s{0,8}")(?:[^"\\]|\\.)+/gi, '$1***'],
  [/(\/open-apis\/bot\/v2\/hook\/)[a-z0-9-]+/gi, '$1***'],
  [/(hooks\.slack\.com\/services\/)[a-z0-9/]+/gi, '$1***'],
  [/(\/api\/webhooks\/\d{1,25}\/)[a-z0-9_-]+/gi, '$1***'],
  [/(\/bot\d{1,20}:)[a-z0-9_-]+/gi, '$1***'],
]

export function redact(text: string): string {
  let out = text
  for (const [pattern, replacement] of patterns) out = out.replace(pattern, replacement)
  return out
}

/** A value that prints as `***` everywhere; `reveal` is the only way to it, so a search for that word finds every use. */
export type Secret = { reveal(): string; toString(): string; toJSON(): string }

export function secret(value: string): Secret {
  return {
    reveal: () => value,
    toString: () => '***',
    toJSON: () => '***',
    [Symbol.for('nodejs.util.inspect.custom')]: () => '***',
  } as Secret
}
