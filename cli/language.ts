// Which language a person reads: --lang, else the environment's locale. English unless the locale says Chinese.

export type Language = 'en' | 'zh'

export function language(
  flag: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): Language {
  // An empty variable is an unset one.
  const told =
    flag || environment.INFERWARD_LANG || environment.LC_ALL || environment.LC_MESSAGES || environment.LANG || ''
  return told.toLowerCase().startsWith('zh') ? 'zh' : 'en'
}

/** Picks the text of one language. */
export type Words = { readonly en: string; readonly zh: string }
export const say = (lang: Language, words: Words): string => words[lang]
