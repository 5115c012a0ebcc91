// A routing file and its templates are changed while the server runs: the next message has the new words, a faulty file changes nothing.

import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import * as path from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { entry } from '../../core/base/entry.ts'
import { openWebhookSink, type WebhookSink } from '../helpers/sinks/webhook-sink.ts'

let data: string
let sink: WebhookSink
let child: ChildProcess | undefined
beforeEach(async () => {
  data = mkdtempSync(path.join(tmpdir(), 'iw-routing-reload-'))
  sink = await openWebhookSink()
})
afterEach(async () => {
  if (child !== undefined && child.exitCode === null) {
    const ended = new Promise((resolve) => child?.once('exit', resolve))
    child.kill('SIGTERM')
    await ended
  }
  await sink.close()
  rmSync(data, { recursive: true, force: true })
})

const soon = { timeout: 30_000, interval: 50 }

it('SIGHUP and POST /-/reload put new templates in force, and refuse faulty ones', async () => {
  const template = (text: string): void =>
    writeFileSync(path.join(data, 't', 'own.tmpl'), `{{ define "own" }}${text} {{ .GroupLabels.alertname }}{{ end }}`)
  mkdirSync(path.join(data, 't'))
  template('before')
  writeFileSync(
    path.join(data, 'alertmanager.yml'),
    `templates: ["t/*.tmpl"]
route: { receiver: a, group_wait: 0s, group_interval: 1s, group_by: [alertname] }
receivers:
  - name: a
    webhook_configs: [{ url: "${sink.url}", payload: { text: '{{ template "own" . }}' } }]
`,
  )
  const file = path.join(data, 'inferward.yml')
  writeFileSync(file, 'server: { listen: "127.0.0.1:0" }\nalertmanager_config: alertmanager.yml\n')
  let log = ''
  child = spawn(process.execPath, [entry('server/main.ts'), '--data', data, '--config', file], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, DATABASE_URL: undefined },
  })
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (part: Buffer) => (log += part.toString()))
  const url = await vi.waitFor(() => {
    const ready = /"message":"server ready".*?"url":"([^"]+)"/.exec(log)?.[1]
    if (ready === undefined) throw new Error(`not ready: ${log}`)
    return ready
  }, soon)
  const token = readFileSync(path.join(data, 'admin.token'), 'utf8').trim()
  const post = (where: string, body?: unknown): Promise<Response> =>
    fetch(`${url}${where}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  const told = async (alertname: string): Promise<unknown> => {
    const before = sink.posted().length
    expect((await post('/alertmanager/api/v2/alerts', [{ labels: { alertname } }])).status).toBe(200)
    await vi.waitFor(() => expect(sink.posted().length).toBe(before + 1), soon)
    return JSON.parse(sink.posted().at(-1)!.text).text
  }

  expect(await told('One')).toBe('before One')
  template('by signal')
  child.kill('SIGHUP')
  await vi.waitFor(() => expect(log).toContain('rule files and routing were read again'), soon)
  expect(await told('Two')).toBe('by signal Two')
  template('{{ nope }}')
  const refused = await post('/-/reload')
  expect(refused.status).toBe(400)
  expect(await refused.text()).toContain('own.tmpl:1:21: function \\"nope\\" not defined')
  expect(await told('Three')).toBe('by signal Three')
  template('by request')
  expect((await post('/-/reload')).status).toBe(200)
  expect(await told('Four')).toBe('by request Four')
}, 90_000)
