// Kills a store that is being fed, again and again, at random moments. Invariant under test: what was acknowledged is there at the next start, bit for
// bit; what was not is there as a whole or not at all; a start is never refused.

import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import * as path from 'node:path'
import { entry } from '../../core/base/entry.ts'
import { errorText } from '../../core/base/errors.ts'
import type { CampaignContext, CampaignReport } from './campaign.ts'
import { generator } from './generator.ts'
import { campaignStore, check } from './store-model.ts'

/** Lives between two readings of everything since the beginning; in between only the newest rounds are read. */
const fullEvery = 20
const recentRounds = 2000

export async function storeCampaign({ n, seed, tell, signal }: CampaignContext): Promise<CampaignReport> {
  const directory = mkdtempSync(path.join(tmpdir(), 'inferward-campaign-'))
  const uniform = generator(seed)
  const faults: string[] = []
  let acked = -1
  let next = 0
  let inRecovery = 0
  let cutShort = 0
  let blocks = 0
  let fromSnapshot = 0
  let rounds = 0
  try {
    for (; rounds < n && !signal.aborted && faults.length === 0; rounds++) {
      const width = 1 + Math.floor(uniform() * 8)
      // From before it has read anything to well into its work.
      const life = await live([directory, String(next), String(width)], uniform() < 0.2, uniform() ** 2 * 1500)
      if (!life.recovered) inRecovery++
      if (life.words !== '') faults.push(`life ${rounds}: the store ended by itself: ${life.words}`)
      acked = Math.max(acked, life.acked)
      const store = campaignStore(directory)
      try {
        await store.recover()
        const from = rounds % fullEvery === fullEvery - 1 || rounds === n - 1 ? 0 : Math.max(0, acked - recentRounds)
        const found = await check(store, from, acked)
        if (found.wrong > 0) faults.push(`life ${rounds}: ${found.wrong} samples were never sent`)
        if (found.missing.length > 0)
          faults.push(
            `life ${rounds}: rounds ${found.missing.slice(0, 5).join(', ')} … are gone, acknowledged up to ${acked}`,
          )
        const { storage } = await store.stats()
        blocks = storage!.blocks
        if (storage!.replayed < acked) fromSnapshot++
        const unexpected = storage!.damage.filter((words) => !words.includes('torn tail'))
        if (unexpected.length < storage!.damage.length) cutShort++
        if (unexpected.length > 0) faults.push(`life ${rounds}: ${unexpected.join('; ')}`)
        next = found.last + 1
        acked = Math.max(acked, found.last)
        if (uniform() < 0.1) await store.stop()
      } catch (error) {
        faults.push(`life ${rounds}: start refused: ${errorText(error)}`)
      }
      if (rounds % 20 === 19) tell(`${rounds + 1} lives, ${acked + 1} rounds acknowledged`)
    }
  } finally {
    if (faults.length === 0) rmSync(directory, { recursive: true, force: true })
    else tell(`what is left lies in ${directory}`)
  }
  const notes = [
    `${acked + 1} rounds acknowledged, ${inRecovery} kills during recovery, ${cutShort} torn tails`,
    `${fromSnapshot} starts from a snapshot, ${blocks} blocks at the end`,
  ]
  return { rounds, faults, notes }
}

/** One life, killed `afterMs` after it recovered (or after it was started). */
function live(
  args: readonly string[],
  early: boolean,
  afterMs: number,
): Promise<{ readonly acked: number; readonly recovered: boolean; readonly words: string }> {
  const child = spawn(process.execPath, [entry('bench/campaign/store-child.ts'), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let text = ''
  let words = ''
  let timer: NodeJS.Timeout | undefined
  const kill = (): void => void child.kill('SIGKILL')
  if (early) timer = setTimeout(kill, afterMs)
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    text += part
    if (!early && timer === undefined) timer = setTimeout(kill, afterMs)
  })
  child.stderr.setEncoding('utf8').on('data', (part: string) => {
    words += part
  })
  return new Promise((resolve) =>
    child.on('close', (code, by) => {
      clearTimeout(timer)
      // The last line may be cut: its number is not whole.
      const lines = text.split('\n').slice(0, -1)
      const acked = lines.slice(1).reduce((most, line) => Math.max(most, Number(line)), -1)
      resolve({
        acked,
        recovered: lines[0] === 'recovered',
        words: by === 'SIGKILL' ? words : `exit ${code} ${words}`,
      })
    }),
  )
}
