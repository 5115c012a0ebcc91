// The boundary between the engine process (TypeScript) and the engine itself (C++): every call and every record that crosses it.
// Nothing else of the addon is visible. Records are plain numbers and strings; an absent value is null, never a missing property.

/** What a loaded model is, and the raw material for its tokenizer; arrays come from the GGUF's `tokenizer.ggml.*` keys. */
export type ModelInfo = {
  readonly architecture: 'llama' | 'deepseek2'
  readonly name: string
  readonly parameters: number
  readonly fileBytes: number
  readonly layers: number
  readonly embedding: number
  readonly vocabulary: number
  /** Trained context, tokens. */
  readonly contextTokens: number
  /** Most frequent weight type by bytes, e.g. `Q8_0`. */
  readonly weightType: string
  readonly tokenizer: {
    readonly model: string
    readonly pre: string
    readonly tokens: readonly string[]
    readonly merges: readonly string[]
    /** GGUF token types: 1 normal, 3 control, 4 user defined, 6 byte. */
    readonly types: Int32Array
    readonly bos: number | null
    readonly eos: number | null
    readonly addBos: boolean
    readonly chatTemplate: string | null
  }
}

export type EngineOptions = {
  readonly modelPath: string
  /** Compute threads including the engine's own loop thread; 0 = choose (cores - 1, at least 1). */
  readonly threads: number
  /** `auto` picks the best instruction set the CPU has; the others force one (tests). */
  readonly isa: 'auto' | 'scalar' | 'avx2'
  /** Most requests decoded in one step. */
  readonly maxBatch: number
  /** Most requests waiting behind the running ones; past it `submit` answers `queue_full`. */
  readonly maxQueue: number
  /** KV pool size in tokens over all requests. */
  readonly kvTokens: number
  /** Tokens one step may process (prefill chunks share it with decode). */
  readonly stepTokens: number
  /** File the telemetry page is mapped on (docs/formats/telemetry-page.md); created by the addon, mode 0600. */
  readonly telemetryPath: string
}

export type EngineRequest = {
  /** Unique among live requests; chosen by the caller. */
  readonly id: number
  readonly tokens: Int32Array
  readonly maxTokens: number
  /** 0 = greedy. */
  readonly temperature: number
  /** 0 = off. */
  readonly topK: number
  /** 1 = off. */
  readonly topP: number
  readonly seed: number
  /** Generation ends when one of these is chosen; the stop token itself is not reported. */
  readonly stopTokens: Int32Array
  /** Milliseconds from now until the request fails with `deadline`; 0 = none. Covers waiting and running. */
  readonly deadlineMs: number
  /** Log-probabilities of this many most likely tokens per position; 0 = none, at most 20. */
  readonly topLogprobs: number
}

export type SubmitVerdict = 'accepted' | 'queue_full' | 'too_long' | 'stopping'

export type FinishReason = 'stop' | 'length' | 'cancelled' | 'deadline' | 'failed'

/** One record per request that moved in a step. `token` is -1 when the step produced none (only finished). */
export type StepEvent = {
  readonly id: number
  readonly token: number
  /** Probability of `token` under temperature 1, 0..1; the mean over a response is its output confidence. */
  readonly probability: number
  /** `[id, logprob]` pairs, most likely first; null unless asked for. */
  readonly topLogprobs: readonly (readonly [number, number])[] | null
  readonly finish: FinishReason | null
  /** Words for `failed`, else null. */
  readonly error: string | null
  /** Monotonic nanoseconds as a number (precision is enough for milliseconds): admitted to run, and this token chosen. */
  readonly startedNs: number
  readonly tokenNs: number
  /** How many requests the step decoded together: the real batch size. */
  readonly batch: number
}

/** A consistent snapshot of the pool and the scheduler. Tokens and bytes, not blocks. */
export type EngineStats = {
  readonly running: number
  readonly waiting: number
  readonly steps: number
  readonly promptTokens: number
  readonly generatedTokens: number
  readonly preemptions: number
  readonly kvTokensActive: number
  readonly kvTokensReserved: number
  readonly kvTokensTotal: number
  readonly kvBytesActive: number
  readonly kvBytesReserved: number
  readonly weightBytes: number
}

export type EngineHandle = {
  readonly info: ModelInfo
  readonly isa: 'scalar' | 'avx2'
  readonly threads: number
  submit(request: EngineRequest): SubmitVerdict
  /** Idempotent; the request ends with `cancelled` in the next step. Unknown ids are ignored. */
  cancel(id: number): void
  stats(): EngineStats
  /** Ends running requests with `cancelled`, joins the loop thread, unmaps. Idempotent. */
  stop(): Promise<void>
}

export type EngineAddon = {
  /** `onStep` is called once a step on the main thread, with all its events (none, when it only computed a part of a prompt) and how many
   * requests it computed together; with 0 for requests that ended between steps. Rejects with an Error whose `code` is one of
   * `MODEL_NOT_FOUND`, `MODEL_INVALID`, `MODEL_UNSUPPORTED`, `OUT_OF_MEMORY`, `OPTION_INVALID`; its message names file, tensor or key. */
  load(options: EngineOptions, onStep: (events: readonly StepEvent[], batch: number) => void): Promise<EngineHandle>
  /** Logits after every position, shape [tokens, vocabulary], row-major f32: one cold forward pass, for tests and probes.
   * With `oneByOne` each token is its own step (the decode path); both must agree. */
  logits(options: EngineOptions, tokens: Int32Array, oneByOne: boolean): Promise<Float32Array>
  /** Offers named kernels to tests: `kernel` applied to the inputs under the given instruction set. */
  kernel(
    name: string,
    isa: 'scalar' | 'avx2',
    inputs: readonly (Float32Array | Uint8Array | Int32Array | number)[],
  ): Float32Array
}
