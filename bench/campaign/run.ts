// The campaign runner: NAME to a campaign that breaks something on purpose, many times, by seed. The last line says how it went; exit 0 only when
// nothing failed.

import { parseArgs } from 'node:util'
import { errorText } from '../../core/base/errors.ts'
import type { CampaignContext, CampaignReport } from './campaign.ts'
import { deliveryCampaign } from './delivery.ts'
import { rulesCampaign } from './rules.ts'
import { storeCampaign } from './store.ts'

type Campaign = { readonly n: number; readonly run: (context: CampaignContext) => Promise<CampaignReport> }

const campaigns: Readonly<Record<string, Campaign>> = {
  delivery: { n: 1000, run: deliveryCampaign },
  rules: { n: 1_000_000, run: rulesCampaign },
  store: { n: 200, run: storeCampaign },
}

async function run(): Promise<number> {
  const { values, positionals } = parseArgs({
    options: { n: { type: 'string' }, seed: { type: 'string' } },
    allowPositionals: true,
  })
  const name = positionals[0] ?? ''
  const campaign = Object.hasOwn(campaigns, name) ? campaigns[name] : undefined
  const n = values.n === undefined ? campaign?.n : Number(values.n)
  const seed = Number(values.seed ?? 1)
  if (campaign === undefined || positionals.length > 1 || !Number.isInteger(seed) || !Number.isInteger(n) || n! < 1) {
    process.stderr.write(
      `usage: npm run campaign -- NAME [--n N] [--seed S]\nNAME: ${Object.keys(campaigns).join(', ')}\n`,
    )
    return 2
  }
  const interrupted = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => interrupted.abort())
  const report = await campaign.run({
    n: n!,
    seed,
    tell: (words) => void process.stderr.write(`campaign ${name}: ${words}\n`),
    signal: interrupted.signal,
  })
  for (const words of [...report.notes, ...report.faults.map((fault) => `fault: ${fault}`)])
    process.stdout.write(`${words}\n`)
  process.stdout.write(`${report.rounds} rounds, seed ${seed}, ${report.faults.length} faults\n`)
  return report.faults.length === 0 && report.rounds > 0 ? 0 : 1
}

try {
  process.exitCode = await run()
} catch (error) {
  process.stderr.write(`campaign: ${errorText(error)}\n`)
  process.exitCode = 1
}
