// The bench runner: NAME to its claim, the claim's figures to rows. Exit 0 only when nothing is short.

import { parseArgs } from 'node:util'
import { errorText } from '../core/base/errors.ts'
import { alerting } from './alerting.ts'
import { type Context, type Report, type Row, row, summary } from './figure.ts'
import { footprint } from './footprint.ts'
import { hosts } from './hosts.ts'
import { ingest } from './ingest.ts'
import { lateness } from './lateness.ts'
import { replay } from './replay.ts'
import { rules } from './rules.ts'
import { store } from './store.ts'

type Claim = (context: Context) => Promise<Report>

/** One claim after another, as one. */
const together =
  (...all: readonly Claim[]): Claim =>
  async (context) => {
    const reports: Report[] = []
    for (const claim of all) reports.push(await claim(context))
    return { figures: reports.flatMap((one) => one.figures), tables: reports.flatMap((one) => one.tables) }
  }

/** `replay` and `lateness` are the parts of `store` and `rules` that can be run alone; `rules` holds what `store` measures beside Prometheus as well. */
const claims: Readonly<Record<string, Claim>> = {
  footprint,
  store: together(store, replay),
  rules: together(rules, lateness),
  ingest,
  replay,
  lateness,
  alerting,
  hosts,
}

function print(rows: readonly Row[]): void {
  const number = (value: number | null): string => (value === null ? '-' : String(Math.round(value * 100) / 100))
  const lines = [
    ['WHAT', 'OURS', 'PEER', 'RATIO', 'MUST', 'VERDICT'],
    ...rows.map((one) => [
      `${one.what}, ${one.unit}`,
      number(one.ours),
      number(one.peer),
      number(one.ratio),
      one.must === '' ? '-' : one.must,
      one.why === '' ? one.verdict : `${one.verdict}: ${one.why}`,
    ]),
  ]
  const widths = lines[0]!.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)))
  for (const line of lines)
    process.stdout.write(`${line.map((text, i) => (i === 5 ? text : text.padEnd(widths[i]!))).join('  ')}\n`)
}

async function run(): Promise<number> {
  const { values, positionals } = parseArgs({
    options: { json: { type: 'boolean' }, full: { type: 'boolean' } },
    allowPositionals: true,
  })
  const name = positionals[0] ?? ''
  const claim = Object.hasOwn(claims, name) ? claims[name] : undefined
  if (claim === undefined || positionals.length > 1) {
    process.stderr.write(`usage: npm run bench -- NAME [--json] [--full]\nNAME: ${Object.keys(claims).join(', ')}\n`)
    return 2
  }
  const interrupted = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => interrupted.abort())
  const { figures, tables } = await claim({
    full: values.full === true,
    tell: (words) => void process.stderr.write(`bench ${name}: ${words}\n`),
    signal: interrupted.signal,
  })
  const rows = figures.map(row)
  if (values.json) {
    process.stdout.write(`${JSON.stringify({ name, node: process.versions.node, rows, tables }, null, 2)}\n`)
  } else {
    print(rows)
    for (const { title, rows: lines } of tables) {
      process.stdout.write(`\n${title}\n`)
      const width = Math.max(...lines.map(([text]) => text.length))
      for (const [text, value] of lines) process.stdout.write(`  ${text.padEnd(width)}  ${value}\n`)
    }
    process.stdout.write('\n')
  }
  process.stdout.write(`${summary(rows)}\n`)
  return rows.some((one) => one.verdict === 'short') ? 1 : 0
}

try {
  process.exitCode = await run()
} catch (error) {
  process.stderr.write(`bench: ${errorText(error)}\n`)
  process.exitCode = 1
}
