// Traces by OpenTelemetry, only when an OTLP endpoint is set (OTEL_EXPORTER_OTLP_ENDPOINT): the SDK costs a quarter of a second and tens
// of megabytes, so it is not even imported otherwise.

import type { Log } from '../../core/base/log.ts'

export type Tracing = {
  /** Runs `work` inside a span; without an endpoint it just runs it. */
  span<T>(name: string, work: () => Promise<T>): Promise<T>
  stop(): Promise<void>
}

export async function openTracing(deps: {
  readonly endpoint: string | undefined
  readonly version: string
  readonly log: Log
}): Promise<Tracing> {
  if (deps.endpoint === undefined || deps.endpoint === '')
    return { span: (_name, work) => work(), stop: async () => {} }
  const [{ NodeSDK }, api] = await Promise.all([import('@opentelemetry/sdk-node'), import('@opentelemetry/api')])
  const sdk = new NodeSDK({ serviceName: 'inferward-server', instrumentations: [] })
  sdk.start()
  deps.log.info('tracing on', { endpoint: deps.endpoint })
  const tracer = api.trace.getTracer('inferward', deps.version)
  return {
    span: (name, work) =>
      tracer.startActiveSpan(name, async (span) => {
        try {
          return await work()
        } catch (error) {
          span.recordException(error as Error)
          span.setStatus({ code: api.SpanStatusCode.ERROR })
          throw error
        } finally {
          span.end()
        }
      }),
    stop: () => sdk.shutdown(),
  }
}
