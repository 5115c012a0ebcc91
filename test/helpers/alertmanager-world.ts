// Alertmanager's API as clients meet it: the real store of posted alerts, silences and dispatcher behind the real HTTP edge on a loopback port, with
// tables in memory and a clock that stands still. Who asks without a token may read; the token `admin` may do all.

import { createLog, silentLog } from '../../core/base/log.ts'
import { virtualClock } from '../../core/base/virtual-clock.ts'
import { openPostedStore } from '../../server/alert/posted-store.ts'
import { authenticate } from '../../server/auth/authenticate.ts'
import { tokenTable } from '../../server/auth/tokens.ts'
import { openAcks } from '../../server/dispatch/acks.ts'
import { type Dispatch, openDispatch } from '../../server/dispatch/dispatcher.ts'
import type { Notification } from '../../server/dispatch/notification.ts'
import { buildRoutes } from '../../server/dispatch/route.ts'
import { openSilences, type Silences } from '../../server/dispatch/silences.ts'
import { alertmanagerApi } from '../../server/http/alertmanager/alertmanager-api.ts'
import { explainApi } from '../../server/http/explain-api.ts'
import { openHttp } from '../../server/http/http.ts'
import { loadAlertmanagerConfig } from '../../server/notify/config.ts'
import { memoryJournal } from '../server/alert/memory-journal.ts'
import { memoryAckTable } from '../server/dispatch/memory-acks.ts'
import { memoryOutbox } from '../server/dispatch/memory-outbox.ts'
import { memorySilenceTable } from '../server/dispatch/memory-silences.ts'
import { escalationOf } from '../server/dispatch/story.ts'
import { type Answer, ask } from './prometheus-world.ts'

export const began = Date.UTC(2026, 0, 1)

export type AlertmanagerWorld = {
  /** Where Alertmanager would be: paths begin with `/api/v2`. */
  readonly url: string
  readonly clock: ReturnType<typeof virtualClock>
  readonly dispatch: Dispatch
  readonly silences: Silences
  /** What any receiver got, in order. */
  readonly received: readonly Notification[]
  readonly log: readonly string[]
  get(path: string, query?: readonly (readonly [string, string])[] | Readonly<Record<string, string>>): Promise<Answer>
  post(path: string, body: unknown, token?: string | null): Promise<Answer>
  explain(fingerprint: string): Promise<Answer>
  delete(path: string, token?: string | null): Promise<Answer>
  [Symbol.asyncDispose](): Promise<void>
}

export async function openAlertmanagerWorld(
  config: string,
  options: { readonly clock?: ReturnType<typeof virtualClock> } = {},
): Promise<AlertmanagerWorld> {
  const clock = options.clock ?? virtualClock(began)
  const loaded = loadAlertmanagerConfig({ file: 'am.yml', text: config, readFile: () => 'x', environment: {} })
  const lines: string[] = []
  const received: Notification[] = []
  const posted = openPostedStore({
    clock,
    log: silentLog,
    journal: memoryJournal(),
    resolveTimeoutMs: () => loaded.resolveTimeoutMs,
  })
  let ids = 0
  const newId = (): string => `00000000-0000-4000-8000-${(++ids).toString(16).padStart(12, '0')}`
  const silences = openSilences({ clock, log: silentLog, table: memorySilenceTable(), newId })
  const dispatch = openDispatch({
    clock,
    log: silentLog,
    source: posted,
    route: buildRoutes(loaded.route, loaded.intervals),
    inhibitRules: loaded.inhibitRules,
    silences,
    acks: openAcks({ clock, log: silentLog, table: memoryAckTable() }),
    escalation: escalationOf('{}', loaded.receivers),
    channels: loaded.receivers.map((receiver) => ({
      name: `${receiver}/memory[0]`,
      kind: 'memory',
      receiver,
      sendResolved: true,
      async send(notification) {
        received.push(notification)
        return { ok: true, reply: '' }
      },
      preview: () => '',
    })),
    outbox: memoryOutbox(),
    emit: () => {},
    externalUrl: 'http://localhost:9700',
    newId: () => newId().replaceAll('-', ''),
  })
  await silences.start()
  await posted.start()
  await dispatch.start(new AbortController().signal)
  const tokens = tokenTable()
  tokens.add('admin', { name: 'admin', role: 'admin', scope: '*' })
  tokens.add('viewer', { name: 'viewer', role: 'viewer', scope: '*' })
  const http = openHttp({
    log: createLog({ write: (line) => void lines.push(line), now: () => 0, level: 'debug' }),
    listen: { host: '127.0.0.1', port: 0 },
    authenticate: async (request) => authenticate(request, tokens, true),
    routers: [
      explainApi({ now: () => clock.now(), alerts: posted, dispatch }),
      alertmanagerApi({
        clock,
        version: '0.1.0',
        startedAt: clock.now(),
        alerts: posted,
        post: (body) => posted.post(body),
        dispatch,
        silences,
        receivers: () => loaded.receiverLabels,
        resolveTimeoutMs: () => loaded.resolveTimeoutMs,
        routingText: () => config,
      }),
    ],
    metrics: async () => ({ text: '', contentType: 'text/plain' }),
    ready: () => true,
    upgrade: (_request, socket) => socket.destroy(),
    span: (_name, work) => work(),
  })
  const root = (await http.start()).url
  const url = `${root}/alertmanager`
  const headers = (token: string | null): Record<string, string> => ({
    'content-type': 'application/json',
    ...(token === null ? {} : { authorization: `Bearer ${token}` }),
  })
  return {
    url,
    clock,
    dispatch,
    silences,
    received,
    log: lines,
    explain: (fingerprint) => ask(root, `/api/v1/alerts/${fingerprint}/explain`),
    get(path, query = []) {
      const pairs = (Array.isArray(query) ? query : Object.entries(query)) as [string, string][]
      return ask(root, `/alertmanager${path}${pairs.length === 0 ? '' : `?${new URLSearchParams(pairs)}`}`)
    },
    async post(path, body, token = 'admin') {
      const text = typeof body === 'string' ? body : JSON.stringify(body)
      const answer = await ask(root, `/alertmanager${path}`, { method: 'POST', headers: headers(token), body: text })
      await clock.advance(0)
      return answer
    },
    delete: (path, token = 'admin') => ask(root, `/alertmanager${path}`, { method: 'DELETE', headers: headers(token) }),
    async [Symbol.asyncDispose]() {
      await http.stop()
      await dispatch.stop()
      await posted.stop()
      await silences.stop()
    },
  }
}
