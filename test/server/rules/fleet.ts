// A server and an agent on one virtual clock, with a cable between them that can be pulled: both ends are the real rooms, the channel does what
// session and uplink do (in order, at least once, acknowledged), the table of alerts is in memory, the agent's files are real.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import * as path from 'node:path'
import { type Rules as AgentRules, openRules as openAgentRules } from '../../../agent/rules/rules.ts'
import type { FileHandle, FileLayer } from '../../../core/base/file-layer.ts'
import { silentLog } from '../../../core/base/log.ts'
import { virtualClock } from '../../../core/base/virtual-clock.ts'
import { encodeWriteRequest } from '../../../core/sample/remote-write.ts'
import { type SeriesSamples, sample } from '../../../core/sample/sample.ts'
import { rulesOffer } from '../../../core/wire/host-rules.ts'
import { heartbeatMs } from '../../../core/wire/message.ts'
import { openAlertStore } from '../../../server/alert/alert-store.ts'
import { openRules } from '../../../server/rules/rules.ts'
import { localStore } from '../../../server/tsdb/local-store.ts'
import { memoryTable } from '../../helpers/alert-table.ts'
import { mortalFiles } from '../../helpers/mortal-files.ts'

export const start = Date.UTC(2026, 0, 1)
const host = 'a'
const file = '/etc/rules.yml'

/** As after SIGKILL what was written is there: a sync need not be waited for. */
function synced(files: FileLayer): FileLayer {
  const open = (name: string, mode: 'append' | 'read'): FileHandle => {
    const handle = files.open(name, mode)
    return new Proxy(handle, {
      get: (target, key) =>
        key === 'syncAsync' ? async () => {} : (Reflect.get(target, key) as () => void).bind(target),
    })
  }
  return new Proxy(files, { get: (target, key) => (key === 'open' ? open : Reflect.get(target, key)) })
}

export type Rule = { alert: string; expr: string; for?: string; keep_firing_for?: string; annotations?: object }
export const ruleText = (rules: readonly Rule[]): string =>
  JSON.stringify({ groups: [{ name: 'g', interval: '1s', rules }] })

export async function fleet(rules: readonly Rule[]) {
  const folder = mkdtempSync(path.join(tmpdir(), 'iw-host-rules-'))
  const clock = virtualClock(start)
  const table = memoryTable()
  /** The agent's clock is ahead by so much. */
  let skew = 0
  let cable = true
  let muted = false
  let restarted = false
  let next = 0

  // --- the server
  const told: string[] = []
  const seconds = (time: number): number => (time - start) / 1000
  const openServer = async (text: string) => {
    const store = localStore({
      clock,
      log: silentLog,
      limits: { maxSeries: 1000, retentionMs: 7_200_000, samplesPerQuery: 1e6 },
      externalLabels: {},
      defaultIntervalMs: 15_000,
      // A restarted server first hears what it missed.
      rulesReady: () => link !== null || !restarted,
    })
    const alerts = openAlertStore({ clock, log: silentLog, table, externalUrl: '', random: () => 0.5 })
    await alerts.start(new AbortController().signal)
    alerts.subscribe((list) => {
      for (const one of list)
        told.push(`${one.labels.alertname} ${one.endsAt === null ? 'firing' : 'resolved'} ${seconds(clock.now())}`)
    })
    store.subscribe((transitions, amendments) => alerts.apply(transitions, amendments))
    const rooms = openRules({
      clock,
      log: silentLog,
      alerts,
      store: store.hostRules!,
      send: (_host, offer) => {
        const sent = JSON.stringify(offer)
        const through = cable && link !== null
        clock.timer(0, () => through && cable && agent?.onOffer(rulesOffer.parse(JSON.parse(sent))))
      },
      newTerm: () => `term-${++next}`,
      externalLabels: {},
      externalUrl: '',
      intervalMs: 15_000,
    })
    const load = (now: string, restored = alerts.restored()) =>
      rooms.load([{ file, text: now }], () => store.loadRules([{ file, text: now }], restored, null))
    await load(text)
    store.start()
    rooms.start()
    return {
      store,
      alerts,
      rooms,
      load: (now: string) => load(now, []),
      async stop() {
        rooms.stop()
        await store.stop()
        await alerts.stop()
      },
    }
  }
  let server = await openServer(ruleText(rules))

  // --- the agent
  /** Rounds of samples, kept as the spool keeps them. */
  const spool: Uint8Array[] = []
  let sentSamples = 0
  let mortal = mortalFiles()
  let agent: AgentRules | null = null
  const boot = (): void => {
    mortal = mortalFiles()
    const own = openAgentRules({
      clock: { ...clock, now: () => clock.now() + skew },
      log: silentLog,
      files: synced(mortal.files),
      directory: path.join(folder, 'rules'),
      newEpoch: () => BigInt(++next),
      recentSamples: () => spool.slice(-900),
      wake: () => pump(),
    })
    agent = own
    own.start()
  }

  // --- the channel between them
  type Link = { sent: number; busy: Promise<void> }
  let link: Link | null = null
  const taken = new Map<bigint, number>()
  const pump = (): void => {
    const [now, own] = [link, agent]
    if (now === null || own === null || !cable) return
    const { stream } = own
    for (const { sequence, payload } of muted ? [] : stream.read(Math.max(now.sent + 1, stream.first), 1 << 20)) {
      now.sent = sequence
      now.busy = now.busy.then(async () => {
        if (link !== now || !cable) return
        if (sequence > (taken.get(stream.epoch) ?? 0)) await server.rooms.received(host, payload)
        taken.set(stream.epoch, Math.max(sequence, taken.get(stream.epoch) ?? 0))
        if (link === now && cable && agent === own) stream.ack(sequence)
      })
    }
    for (; sentSamples < spool.length; sentSamples++)
      void server.store.append(new Uint8Array(spool[sentSamples]!).buffer)
  }
  const connect = (): void => {
    if (agent === null || !cable) return
    link = { sent: taken.get(agent.stream.epoch) ?? 0, busy: Promise.resolve() }
    server.rooms.connected(host, true)
    pump()
  }
  const disconnect = (): void => {
    if (link !== null) server.rooms.gone(host)
    link = null
  }
  let beats = 0
  const beat = (): void => {
    if (link !== null && cable && ++beats % (heartbeatMs / 1000) === 0) server.rooms.heard(host)
  }

  boot()
  connect()
  const values: Record<string, number> = { up: 1, memory: 100 }
  const round = (): void => {
    if (agent === null) return
    const now = clock.now() + skew
    const series: SeriesSamples[] = [
      sample('inferward_engine_up', { host, engine: 'e' }, now, values.up!),
      sample('inferward_host_memory_available_bytes', { host }, now, values.memory!),
    ]
    spool.push(encodeWriteRequest([...series, ...agent.arrived(series)]))
    pump()
  }
  await clock.advance(0)

  return {
    clock,
    told,
    values,
    table,
    get server() {
      return server
    },
    get agent() {
      return agent
    },
    /** So many rounds of a second each. */
    async run(count: number): Promise<void> {
      for (let i = 0; i < count; i++) {
        await clock.advance(1000)
        round()
        // Another host, whose samples come by another road: the rules never lack data altogether.
        const beside = [sample('inferward_engine_up', { host: 'b', engine: 'e' }, clock.now(), 1)]
        await server.store.append(new Uint8Array(encodeWriteRequest(beside)).buffer)
        beat()
        await clock.advance(0)
      }
    },
    setSkew(ms: number) {
      skew = ms
    },
    /** What the agent says of rules does not go through, all else does. */
    mute(on: boolean) {
      muted = on
    },
    /** Nothing goes through any more; both sides find out in their own time. */
    cut() {
      cable = false
      disconnect()
    },
    async mend() {
      cable = true
      connect()
      await clock.advance(0)
    },
    kill() {
      mortal.kill()
      agent = null
      disconnect()
    },
    async revive() {
      boot()
      connect()
      await clock.advance(0)
    },
    /** The disk is empty. */
    wipe() {
      rmSync(path.join(folder, 'rules'), { recursive: true })
      spool.length = 0
      sentSamples = 0
    },
    async restartServer() {
      disconnect()
      restarted = true
      await server.stop()
      taken.clear()
      server = await openServer(ruleText(rules))
      // What its store held is on disk in earnest; here it is sent again.
      sentSamples = Math.max(0, spool.length - 900)
    },
    reconnect: connect,
    async load(now: readonly Rule[]) {
      await server.load(ruleText(now))
      await clock.advance(0)
    },
    /** `Down pending 3`: by the time of the event. */
    history: () => table.events.map((one) => `${one.rule} ${one.state} ${seconds(one.at)}`),
    owners: () => server.rooms.stats().hosts,
    async stop() {
      await server.stop()
      await agent?.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
export type Fleet = Awaited<ReturnType<typeof fleet>>
