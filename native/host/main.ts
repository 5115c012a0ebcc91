// The engine process around host.ts. Exit codes tell the agent why it ended: 0 asked to, 3 model or option, 12 no memory
// at load, 13 port in use; anything else is a fault of ours and aborts, so that the cause is seen.

import { systemClock } from '../../core/base/clock.ts'
import { errorText, isInferwardError, systemCode } from '../../core/base/errors.ts'
import { describeFailure } from '../../core/base/failure.ts'
import { openHost } from './host.ts'
import { loadAddon } from './load-addon.ts'
import { type HostOptions, hostOptions } from './options.ts'

async function main(options: HostOptions): Promise<void> {
  const host = openHost(options, { clock: systemClock, addon: loadAddon })
  const end = (): void => void host.drain().then(() => process.exit(0))
  process.on('SIGTERM', end)
  process.on('SIGINT', end)

  const port = await host.listen()
  const engine = await host.load()
  const { info } = engine
  const line = {
    '@timestamp': new Date(systemClock.now()).toISOString(),
    'log.level': 'info',
    message: 'engine serving',
    model: options.name,
    architecture: info.architecture,
    parameters: info.parameters,
    weights: info.weightType,
    isa: engine.isa,
    threads: engine.threads,
    port,
  }
  process.stderr.write(`${JSON.stringify(line)}\n`)
}

function exitCodeOf(error: unknown): number {
  const code = systemCode(error)
  if (
    code === 'MODEL_NOT_FOUND' ||
    code === 'MODEL_INVALID' ||
    code === 'MODEL_UNSUPPORTED' ||
    code === 'OPTION_INVALID'
  )
    return 3
  if (code === 'OUT_OF_MEMORY') return 12
  if (code === 'host.port_in_use') return 13
  return isInferwardError(error) ? error.exitCode : 1
}

// A log on a full disk loses words; the engine goes on.
process.stderr.on('error', () => {})
process.on('uncaughtException', (error) => {
  process.stderr.write(`inferward-engine: internal fault: ${errorText(error)}\n`)
  process.abort()
})

try {
  await main(hostOptions(process.argv.slice(2)))
} catch (error) {
  process.stderr.write(describeFailure('inferward-engine', error).text)
  process.exit(exitCodeOf(error))
}
