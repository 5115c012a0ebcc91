// Request bodies of the four endpoints, checked; a fault names the field. What the engine does not do is refused, not ignored.

import { z } from 'zod'

const maxTokensCap = 1 << 20

const sampling = {
  model: z.string().max(200).optional(),
  temperature: z.number().min(0).max(5).optional(),
  top_p: z.number().gt(0).max(1).optional(),
  top_k: z.number().int().min(0).max(1_000_000).optional(),
  seed: z.number().int().min(0).max(Number.MAX_SAFE_INTEGER).optional(),
  stop: z.union([z.string().min(1).max(200), z.array(z.string().min(1).max(200)).max(4)]).nullish(),
  user: z.string().max(200).optional(),
}
const openai = {
  ...sampling,
  n: z.literal(1, { error: 'only 1 is supported' }).optional(),
  stream: z.boolean().nullish(),
  stream_options: z.object({ include_usage: z.boolean().optional() }).nullish(),
  presence_penalty: z.literal(0, { error: 'only 0 is supported' }).optional(),
  frequency_penalty: z.literal(0, { error: 'only 0 is supported' }).optional(),
}
const maxTokens = z.number().int().min(0).max(maxTokensCap)

export const completionBody = z
  .object({
    ...openai,
    prompt: z.string({ error: 'a text is needed' }),
    max_tokens: maxTokens.nullish(),
    logprobs: z.number().int().min(0).max(20).nullish(),
    echo: z.literal(false, { error: 'only false is supported' }).optional(),
  })
  .strict()

export const chatBody = z
  .object({
    ...openai,
    messages: z
      .array(z.object({ role: z.enum(['system', 'user', 'assistant']), content: z.string() }).strict())
      .min(1)
      .max(1000),
    max_tokens: maxTokens.nullish(),
    max_completion_tokens: maxTokens.nullish(),
    logprobs: z.boolean().nullish(),
    top_logprobs: z.number().int().min(0).max(20).nullish(),
  })
  .strict()

export const generateBody = z
  .object({
    prompt: z.string({ error: 'a text is needed' }),
    max_tokens: maxTokens.optional(),
    temperature: sampling.temperature,
    top_p: sampling.top_p,
    top_k: sampling.top_k,
    seed: sampling.seed,
    stop: sampling.stop,
  })
  .strict()

export type GenerationSettings = {
  readonly maxTokens: number
  readonly temperature: number
  readonly topP: number
  readonly topK: number
  readonly seed: number
  readonly stop: readonly string[]
  readonly topLogprobs: number
}

type Sampled = {
  readonly temperature?: number | undefined
  readonly top_p?: number | undefined
  readonly top_k?: number | undefined
  readonly seed?: number | undefined
  readonly stop?: string | readonly string[] | null | undefined
}

/** OpenAI's defaults: temperature 1, 16 tokens for completions. `randomSeed` is used when the client gave none. */
export function settings(
  body: Sampled,
  maxTokens: number,
  topLogprobs: number,
  randomSeed: () => number,
): GenerationSettings {
  return {
    maxTokens,
    temperature: body.temperature ?? 1,
    topP: body.top_p ?? 1,
    topK: body.top_k ?? 0,
    seed: body.seed ?? randomSeed(),
    stop: body.stop == null ? [] : typeof body.stop === 'string' ? [body.stop] : body.stop,
    topLogprobs,
  }
}

/** Plain transcript: the template that is used when the model carries none that this engine understands (it understands none yet). */
export function chatPrompt(messages: z.infer<typeof chatBody>['messages']): string {
  return `${messages.map((message) => message.content).join('\n')}\n`
}
