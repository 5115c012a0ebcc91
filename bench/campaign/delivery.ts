// Kills a server while alerts fire and resolve, and counts what a receiver was told. Invariant under test: every beginning and every end is told,
// each once, to a receiver that knows messages by their identity — whenever the server is killed, and whatever the receiver answers.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import * as path from 'node:path'
import { systemClock } from '../../core/base/clock.ts'
import type { CampaignContext, CampaignReport } from './campaign.ts'
import { openReceiver, type Receiver } from './delivery-receiver.ts'
import { openWorld, type World } from './delivery-world.ts'
import { generator } from './generator.ts'

const alerts = 24
const tickMs = 60
/** A schedule in which somebody was not told by then has lost a message: the longest wait of a retry is 25 s. */
const patienceMs = 60_000

export async function deliveryCampaign({ n, seed, tell, signal }: CampaignContext): Promise<CampaignReport> {
  const directory = mkdtempSync(path.join(tmpdir(), 'inferward-campaign-'))
  const uniform = generator(seed)
  // Its own stream: how often it is asked depends on the clock.
  const receiver = await openReceiver(generator(seed + 0x9e3779b9))
  const world = openWorld(directory, receiver.url)
  const fleet = openFleet(world, receiver)
  const faults: string[] = []
  const killed = { early: 0, unsent: 0 }
  let rounds = 0
  try {
    if (!(await world.start())) throw new Error(`the server does not start: ${world.words()}`)
    fleet.begin()
    for (; rounds < n && !signal.aborted && faults.length === 0; rounds++) {
      const count = 1 + Math.floor(uniform() * 5)
      const names = new Set(Array.from({ length: count }, () => `a${Math.floor(uniform() * alerts)}`))
      const killAt = uniform() * 450
      const began = systemClock.monotonic()
      const toggles = [...names].map((name) => ({ name, at: uniform() * 200 })).sort((a, b) => a.at - b.at)
      for (const { name, at } of toggles.filter((one) => one.at <= killAt)) {
        await wait(began + at)
        fleet.toggle(name)
      }
      await wait(began + killAt)
      if (fleet.untold().length > 0) killed.unsent++
      await world.kill()
      // And some change while nobody is there to see it.
      for (const { name } of toggles.filter((one) => one.at > killAt)) fleet.toggle(name)
      while (uniform() < 0.15) {
        killed.early++
        await world.start(uniform() * 1500)
        await world.kill()
      }
      if (!(await world.start())) {
        faults.push(`schedule ${rounds}: the server does not start: ${world.words()}`)
        break
      }
      const until = systemClock.monotonic() + patienceMs
      while (fleet.untold().length > 0 && fleet.wrong().length === 0 && systemClock.monotonic() < until)
        await systemClock.sleep(10)
      for (const words of [...fleet.wrong(), ...fleet.untold(), ...receiver.faults()])
        faults.push(`schedule ${rounds}: ${words}`)
      if (rounds % 20 === 19) tell(`${rounds + 1} schedules, ${receiver.counts().messages} messages`)
    }
    // What was told once must not be told again when all is quiet.
    await systemClock.sleep(3000)
    for (const words of fleet.wrong()) faults.push(`at the end: ${words}`)
  } finally {
    await fleet.end()
    await world.stop()
    await receiver.close()
    if (faults.length === 0) rmSync(directory, { recursive: true, force: true })
    else tell(`what is left lies in ${directory}`)
  }
  const { messages, repeats, failed, lost } = receiver.counts()
  const notes = [
    `${messages} messages told once, ${repeats} came again under their identity; ${failed} refused, ${lost} answers lost on purpose`,
    `${rounds} kills at work (${killed.unsent} with messages on their way), ${killed.early} during a start`,
    `lost ${faults.filter((words) => words.includes('lost')).length}, doubled ${faults.filter((words) => words.includes('doubled')).length}`,
  ]
  return { rounds, faults, notes }
}

const wait = (at: number): Promise<void> => systemClock.sleep(Math.max(0, at - systemClock.monotonic()))

type Fleet = {
  begin(): void
  toggle(name: string): void
  /** Changes that the receiver has not been told, in words. */
  untold(): readonly string[]
  /** What the receiver was told and did not happen. */
  wrong(): readonly string[]
  end(): Promise<void>
}

/** The series of all alerts, sent again and again as an agent would, and what each has been through. */
function openFleet(world: World, receiver: Receiver): Fleet {
  const values = new Map(Array.from({ length: alerts }, (_, n) => [`a${n}`, 0]))
  const happened = new Map<string, string>()
  let running: Promise<void> | null = null
  let ending = false
  const feed = async (): Promise<void> => {
    while (!ending) {
      await world.feed(values)
      await systemClock.sleep(tickMs)
    }
  }
  const story = (name: string): string => happened.get(name) ?? ''
  return {
    begin() {
      running = feed()
    },
    toggle(name) {
      const fires = values.get(name) === 1
      values.set(name, fires ? 0 : 1)
      happened.set(name, `${story(name)}${fires ? '-' : '+'}`)
    },
    untold: () =>
      [...values.keys()]
        .filter((name) => receiver.told(name) !== story(name) && story(name).startsWith(receiver.told(name)))
        .map((name) => `lost: ${name} went through ${story(name).slice(-6)}, told ${receiver.told(name).slice(-6)}`),
    wrong: () =>
      [...values.keys()]
        .filter((name) => !story(name).startsWith(receiver.told(name)))
        .map((name) => `doubled: ${name} went through ${story(name).slice(-6)}, told ${receiver.told(name).slice(-6)}`),
    async end() {
      ending = true
      await running
    },
  }
}
