import { expect, it } from 'vitest'
import { silentLog } from '../../../core/base/log.ts'
import { virtualClock } from '../../../core/base/virtual-clock.ts'
import { encodeWriteRequest } from '../../../core/sample/remote-write.ts'
import { sample } from '../../../core/sample/sample.ts'
import { localStore } from '../../../server/tsdb/local-store.ts'

it('refuses a sample from far ahead, so that nobody else’s looks too old', async () => {
  const clock = virtualClock()
  const store = localStore({
    clock,
    log: silentLog,
    limits: { maxSeries: 10, retentionMs: 3_600_000, samplesPerQuery: 1e6 },
    externalLabels: {},
    defaultIntervalMs: 15_000,
    rulesReady: () => true,
  })
  const append = (time: number) =>
    store.append(new Uint8Array(encodeWriteRequest([sample('up', { host: `h${time}` }, time, 1)])).buffer)
  expect(await append(clock.now() + 365 * 86_400_000)).toMatchObject({ samples: 0, refused: { out_of_bounds: 1 } })
  expect(await append(clock.now())).toEqual({ samples: 1, refused: {} })
  expect(await append(clock.now() + 60_000)).toEqual({ samples: 1, refused: {} })
})
