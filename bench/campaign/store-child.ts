// A life of a store that ends by a kill: takes up what is there, says so, then sends rounds as fast as they are acknowledged and says each number. What
// it said was acknowledged.

import { writeSync } from 'node:fs'
import { campaignStore, roundBody } from './store-model.ts'

const [directory, first, width] = process.argv.slice(2) as [string, string, string]
const store = campaignStore(directory)
await store.recover()
store.start()
writeSync(1, 'recovered\n')
let next = Number(first)
/** Several senders at once, so that syncs are shared; a round waits for the one before it, since samples come in order. */
for (;;) {
  const batch = Array.from({ length: Number(width) }, () => next++)
  await Promise.all(batch.map(async (n) => store.append(roundBody(n)).then(() => writeSync(1, `${n}\n`))))
}
