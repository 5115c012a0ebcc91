// The last fence: a canary of every kind is cut, ordinary text stays, and no text takes long.

import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { redact, secret } from '../../../core/base/redact.ts'
import { cpuMs } from '../../helpers/cpu-time.ts'

const canary = 'CANARY0123456789abcdef'

describe('redact', () => {
  it.each([
    `https://oapi.dingtalk.com/robot/send?access_token=${canary}`,
    `https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=${canary}`,
    `https://a/b?x=1&sign=${canary}&y=2`,
    `https://a/b?token=${canary}`,
    `https://a/b?secret=${canary}`,
    `https://a/b?password=${canary}`,
    `https://a/b?api_key=${canary}`,
    `https://a/b?APIKEY=${canary}`,
    `https://a/b?client_secret=${canary}`,
    `https://bucket/x?X-Amz-Signature=${canary}&X-Amz-Date=1`,
    `https://user:${canary}@host/path`,
    `postgres://user:${canary}@host:5432/db`,
    `postgres://user:p@ss-${canary}@host/db`,
    `postgres://:${canary}@host/db`,
    `redis://:${canary}@host`,
    `postgres://user:${canary.repeat(40)}@host/db`,
    `host=db user=u password=${canary} dbname=x`,
    `host=db password='${canary} two' dbname=x`,
    `Authorization: Bearer ${canary}`,
    `authorization: bearer ${canary}==`,
    `Basic ${canary}=`,
    `{"password":"${canary}","user":"u"}`,
    `{"token": "${canary}"}`,
    `https://open.feishu.cn/open-apis/bot/v2/hook/${canary}`,
    `https://hooks.slack.com/services/T000/B000/${canary}`,
    `https://discord.com/api/webhooks/1234/${canary}`,
    `https://api.telegram.org/bot123456:${canary}/sendMessage`,
  ])('cuts the secret out of %s', (text) => {
    expect(redact(`before ${text} after`)).not.toContain('CANARY')
    expect(redact(`before ${text} after`)).toMatch(/^before .*\*\*\*.* after$/)
  })

  it('cuts every secret of a text, not only the first', () => {
    const text = `a?token=${canary} b?token=${canary}\nBearer ${canary} https://u:${canary}@h`
    expect(redact(text)).not.toContain('CANARY')
  })

  it.each([
    'http://127.0.0.1:9700/api/v1/query?query=up',
    'engine default on h1 ended by SIGKILL',
    'mail to someone@example.org at 12:30',
    '/work/models/model.gguf: no such file',
    'keyboard=1 monkey=2 key=3',
  ])('leaves %j as it is', (text) => {
    expect(redact(text)).toBe(text)
  })

  it('is the same when done twice', () => {
    const once = redact(`https://u:${canary}@h/?token=${canary} Bearer ${canary}`)
    expect(redact(once)).toBe(once)
  })

  it.each([
    ['letters', 'a'],
    ['letters and dots', 'a.'],
    ['schemes', 'a://'],
    ['user names without an end', 'a://b:'],
    ['passwords without an end', 'a://b:c'],
    ['question marks', '?'],
    ['parameters', '?key='],
    ['bearer words', 'bearer '],
    ['spaces', ' '],
    ['at signs', '@'],
    ['slashes', '/'],
    ['quotes', '"password":"'],
    ['password words', 'password='],
    ['hooks', '/open-apis/bot/v2/hook/'],
    ['backslashes', '\\'],
  ])('takes a megabyte of %s within two seconds', (_name, unit) => {
    const text = unit.repeat(Math.ceil((1 << 20) / unit.length))
    const begun = cpuMs()
    redact(`a://${text}`)
    redact(text)
    expect(cpuMs() - begun).toBeLessThan(2000)
  })
})

describe('a typed secret', () => {
  it('shows itself to nobody who does not ask for it by name', () => {
    const hidden = secret(canary)
    expect(hidden.reveal()).toBe(canary)
    for (const shown of [
      `${hidden}`,
      String(hidden),
      JSON.stringify({ hidden }),
      inspect(hidden),
      inspect({ deep: [hidden] }),
    ])
      expect(shown).not.toContain('CANARY')
  })
})
