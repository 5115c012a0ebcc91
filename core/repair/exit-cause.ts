// Why a process is gone. Pure: from what the parent, the telemetry page, the last words and the kernel say, to a cause with its evidence.
// Order matters: memory first, since an allocation failure often ends in an abort and an OOM kill looks like any SIGKILL.

import type { Evidence, FaultCause } from '../event/event.ts'

export type ExitSignals = {
  /** Null when the process was not our child (adopted): then only the other signals speak. */
  readonly exitCode: number | null
  readonly signal: string | null
  /** From the telemetry page; 0 = none. */
  readonly fatalSignal: number
  readonly fatalReason: 'none' | 'out_of_memory'
  /** The page's state at death; null when there was no page. */
  readonly pageState: 'loading' | 'serving' | 'stopping' | 'stopped' | null
  /** Last lines the process wrote. */
  readonly lastWords: string
  /** Kernel evidence that this pid, or one of its group, was killed for memory. */
  readonly kernelOom: string | null
}

export type ExitCause = { readonly cause: FaultCause; readonly detail: string; readonly evidence: readonly Evidence[] }

/** Exit codes of the engine process (native/host/main.ts). */
const loadFailedCode = 3
const outOfMemoryCode = 12
const portInUseCode = 13

const outOfMemoryWords = /heap out of memory|out of memory|cannot allocate memory|std::bad_alloc|allocation failed/i
const signalNames: Readonly<Record<number, string>> = {
  4: 'SIGILL',
  5: 'SIGTRAP',
  6: 'SIGABRT',
  7: 'SIGBUS',
  8: 'SIGFPE',
  11: 'SIGSEGV',
}

/** Not worth a quote: blank lines, stack frames, and what our own log says of an engine that is well. */
const untelling = /^\s*(?:$|\d+: 0x|at |-{3,}|#|\{"@timestamp":"[^"]*","log\.level":"(?:debug|info)")/

/** The line that a person would quote: the one about memory if there is one, else the last that tells anything. */
function tellingLine(lastWords: string): string {
  const lines = lastWords.split('\n').filter((line) => !untelling.test(line))
  const told = lines.findLast((line) => outOfMemoryWords.test(line)) ?? lines.at(-1) ?? ''
  return told.trim().slice(0, 300)
}

/** What our engine said when it could not go on: the first line names the fault, those after it why and what to do. */
function refusal(lastWords: string): string {
  const line = lastWords.split('\n').find((one) => one.startsWith('inferward-engine: ')) ?? ''
  return line.trim().slice(0, 300)
}

export function exitCause(signals: ExitSignals): ExitCause {
  const evidence: Evidence[] = []
  const add = (source: string, statement: string): void => void evidence.push({ source, statement })
  if (signals.signal !== null) add('parent', `ended by ${signals.signal}`)
  else if (signals.exitCode !== null) add('parent', `exit code ${signals.exitCode}`)
  else add('parent', 'not our child: no exit status')
  const noted = signalNames[signals.fatalSignal]
  if (noted !== undefined) add('telemetry', `the process noted ${noted} before it died`)
  if (signals.fatalReason === 'out_of_memory') add('telemetry', 'the process noted that memory ran out')
  if (signals.kernelOom !== null) add('kernel', signals.kernelOom)
  const words = tellingLine(signals.lastWords)
  if (words !== '') add('log', words)

  const result = (cause: FaultCause, detail: string): ExitCause => ({ cause, detail, evidence })
  if (signals.kernelOom !== null) return result('out_of_memory', 'killed by the kernel: memory ran out')
  if (signals.fatalReason === 'out_of_memory' || signals.exitCode === outOfMemoryCode) {
    return result('out_of_memory', 'an allocation failed')
  }
  const died = signals.signal !== null || noted !== undefined || signals.exitCode === null
  if (died && outOfMemoryWords.test(signals.lastWords)) return result('out_of_memory', words)
  const refused = refusal(signals.lastWords) || words
  if (signals.exitCode === loadFailedCode) return result('load_failed', refused || 'the model could not be loaded')
  if (signals.exitCode === portInUseCode) return result('load_failed', refused || 'its port is in use')
  const signal = signals.signal ?? noted ?? null
  switch (signal) {
    case 'SIGKILL':
      return result('killed', 'killed from outside by SIGKILL; no sign of memory pressure')
    case 'SIGABRT':
    case 'SIGTRAP':
      return result('aborted', words === '' ? `ended itself by ${signal}` : words)
    case 'SIGSEGV':
    case 'SIGBUS':
    case 'SIGILL':
    case 'SIGFPE':
      return result('crashed', `crashed with ${signal}`)
    case 'SIGTERM':
    case 'SIGINT':
    case 'SIGHUP':
      return result('terminated', `asked to end by ${signal} from outside`)
    default:
  }
  if (signal !== null) return result('killed', `ended by ${signal}`)
  // Our engine answers SIGTERM by finishing what it holds and leaving with 0; the page says that it was told to.
  if (signals.exitCode === 0 && (signals.pageState === 'stopping' || signals.pageState === 'stopped')) {
    return result('terminated', 'asked to end from outside, and ended in order')
  }
  if (signals.exitCode !== null) return result('exited', `returned by itself with code ${signals.exitCode}`)
  // An adopted process that vanished while serving, without a word: only a signal that cannot be caught leaves nothing.
  if (signals.pageState === 'serving' || signals.pageState === 'loading') {
    return result('killed', 'vanished without a word, as after SIGKILL')
  }
  return result('unknown', 'nothing says why')
}
