// Cuts secrets out of text that leaves a room: robot tokens and keys in URLs, basic-auth passwords, bearer tokens, DSN passwords.
// It is the last fence, not the first: secrets are typed (`Secret`) and should not reach a log at all.

const patterns: readonly (readonly [RegExp, string])[] = [
  [/([?&](?:access_token|key|sign|token|secret|password|api_key|apikey)=)[^&\s"'<>]+/gi, '$1***'],
  [/(\b[a-z][a-z0-9+.-]*:\/\/[^\s:/@"']{0,200}:)[^\s@/"']{1,500}@/gi, '$1***@'],
  [/(\b(?:bearer|basic)\s+)[a-z0-9._~+/=-]{8,}/gi, '$1***'],
  [/(\/open-apis\/bot\/v2\/hook\/)[a-z0-9-]+/gi, '$1***'],
  [/(hooks\.slack\.com\/services\/)[a-z0-9/]+/gi, '$1***'],
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
