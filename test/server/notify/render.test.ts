// What a reader sees, in both languages, and what stays of it when there is little room.

import { describe, expect, it } from 'vitest'
import { byteLength, cutBytes } from '../../../server/notify/render/bytes.ts'
import { dingtalkMarkdown, escapeMarkdown, plainText, wecomMarkdown } from '../../../server/notify/render/formats.ts'
import { htmlBody } from '../../../server/notify/render/html.ts'
import { layout } from '../../../server/notify/render/layout.ts'
import { safeUrl, subject, toMessage } from '../../../server/notify/render/message.ts'
import { isTimeZone, localTime, span } from '../../../server/notify/render/time.ts'
import { alert, at, many, notification } from './sample.ts'

const zh = { lang: 'zh', timeZone: 'Asia/Shanghai' } as const
const en = { lang: 'en', timeZone: 'UTC' } as const

describe('one alert', () => {
  it('reads in Chinese as DingTalk Markdown, local time of Shanghai, keyword and mention last', () => {
    expect(layout(toMessage(notification(), zh), dingtalkMarkdown, 20_000, '告警 @13800000000')).toBe(
      [
        '### 🔴 告警中 · GpuTooHot',
        '',
        '- **级别**：严重 (critical)',
        '- **规则**：GpuTooHot',
        '- **主机**：gpu-01',
        '- **引擎**：default',
        '- **模型**：deepseek_v2',
        '- **GPU**：3',
        '- **当前值**：93',
        '- **开始时间**：2026-11-21 10:00:00 (Asia/Shanghai)',
        '- **摘要**：GPU 3 温度过高',
        '- **说明**：已超过 90 度 5 分钟',
        '',
        '[控制台](http://127.0.0.1:9700/) · [查看表达式](http://127.0.0.1:9700/graph?g0.expr=gpu_temperature_celsius+%3E+90) · [处理手册](https://docs.example.org/runbooks/gpu-too-hot)',
        '',
        '告警 @13800000000',
      ].join('\n'),
    )
  })

  it('reads in English as plain text, and a recovery says when and how long', () => {
    const ended = alert({ endsAt: at - 1000 })
    expect(layout(toMessage(notification([ended]), en), plainText, 20_000, '')).toBe(
      [
        '✅ RESOLVED · GpuTooHot',
        '',
        'Severity: critical',
        'Rule: GpuTooHot',
        'Host: gpu-01',
        'Engine: default',
        'Model: deepseek_v2',
        'GPU: 3',
        'Value: 93',
        'Since: 2026-11-21 02:00:00 (UTC)',
        'Resolved at: 2026-11-21 02:09:59 (UTC)',
        'Lasted: 9m 59s',
        'Summary: GPU 3 温度过高',
        'Description: 已超过 90 度 5 分钟',
        '',
        'Console: http://127.0.0.1:9700/',
        'Expression: http://127.0.0.1:9700/graph?g0.expr=gpu_temperature_celsius+%3E+90',
        'Runbook: https://docs.example.org/runbooks/gpu-too-hot',
      ].join('\n'),
    )
  })

  it.each([
    { severity: 'critical', icon: '🔴' },
    { severity: 'warning', icon: '🟠' },
    { severity: 'info', icon: '🔵' },
    { severity: 'P7', icon: '🟠' },
  ])('says the status by icon and word for severity $severity', ({ severity, icon }) => {
    const labels = { alertname: 'A', severity }
    expect(layout(toMessage(notification([alert({ labels })]), zh), plainText, 4000, '')).toMatch(`${icon} 告警中`)
    expect(layout(toMessage(notification([alert({ labels })]), zh), plainText, 4000, '')).toContain(severity)
  })
})

describe('a group', () => {
  it('speaks of what fires in the head, marks what has ended in the list, and counts both', () => {
    const text = layout(toMessage(notification([...many(2), alert({ endsAt: at })]), en), plainText, 20_000, '')
    expect(text.split('\n').slice(0, 8)).toEqual([
      '🔴 FIRING (2) · GpuTooHot',
      '',
      'Severity: critical',
      'Rule: GpuTooHot',
      'Host: gpu-00, gpu-01',
      'Value: 90, 91',
      'Since: 2026-11-21 02:00:00 (UTC)',
      'Alerts: 2 firing, 1 resolved',
    ])
    expect(text).toContain('- ✅ RESOLVED gpu-01 · default · deepseek_v2 · GPU 3 · 93')
  })

  it('counts alerts that were left out before it came here', () => {
    const text = layout(toMessage(notification(many(2), { truncated: 35 }), zh), plainText, 20_000, '')
    expect(text).toMatch('🔴 告警中 (37) · GpuTooHot')
    expect(text.endsWith('共 37 条，另有 35 条未显示')).toBe(true)
    const english = layout(toMessage(notification(many(2), { truncated: 35 }), en), plainText, 20_000, '')
    expect(english.endsWith('37 alerts, 35 more')).toBe(true)
  })

  it('names the worst severity, whatever comes first', () => {
    const mild = alert({ labels: { alertname: 'A', severity: 'info' } })
    const bad = alert({ labels: { alertname: 'A', severity: 'critical' } })
    expect(toMessage(notification([mild, bad]), en).icon).toBe('🔴')
  })

  it('has the subject that Alertmanager writes', () => {
    const two = many(2).map((one) => ({ ...one, labels: { ...one.labels, cluster: 'dc1' } }))
    expect(subject(notification(two))).toBe('[FIRING:2] GpuTooHot (dc1 critical)')
    expect(subject(notification([alert({ endsAt: at })], { groupLabels: {} }))).toBe(
      '[RESOLVED] GpuTooHot (default 3 gpu-01 deepseek_v2 critical)',
    )
  })
})

describe('little room', () => {
  const shapes = [
    { name: 'DingTalk', format: dingtalkMarkdown, tail: '告警 @13800000000' },
    { name: 'WeCom', format: wecomMarkdown, tail: '<@bob>' },
    { name: 'text', format: plainText, tail: '' },
  ]

  it.each(shapes)('keeps head, links and tail at every length around the limit ($name)', ({ format, tail }) => {
    const message = toMessage(notification(many(60), { truncated: 7 }), zh)
    for (const limit of [
      ...Array.from({ length: 200 }, (_, n) => 700 + n),
      ...Array.from({ length: 200 }, (_, n) => 1950 + n),
    ]) {
      const text = layout(message, format, limit, tail)
      if (byteLength(text) > limit) throw new Error(`${byteLength(text)} bytes at limit ${limit}`)
      expect(text).not.toContain('\ufffd')
      for (const kept of ['🔴 告警中 (67)', '严重 (critical)', 'GpuTooHot', 'gpu-00', '90', '127.0.0.1:9700', tail]) {
        if (!text.includes(kept)) throw new Error(`"${kept}" is gone at limit ${limit}`)
      }
      const shown = text.split('\n').filter((line) => /^(?:- |> )🔴/.test(line)).length
      if (!text.includes(`共 67 条，另有 ${67 - shown} 条未显示`)) throw new Error(`wrong count at limit ${limit}`)
    }
  })

  it.each(shapes)('stays within any limit at all, and the tail survives ($name)', ({ format, tail }) => {
    const message = toMessage(notification(many(5)), zh)
    for (let limit = 60; limit < 700; limit++) {
      const text = layout(message, format, limit, tail)
      if (byteLength(text) > limit || !text.endsWith(tail)) throw new Error(`limit ${limit}: ${text}`)
      expect(text).not.toContain('\ufffd')
    }
  })

  it('shortens a long description and leaves the facts whole', () => {
    const annotations = { summary: '温度过高', description: '说'.repeat(20_000), value: '93' }
    const text = layout(toMessage(notification([alert({ annotations })]), zh), dingtalkMarkdown, 2048, '告警')
    expect(byteLength(text)).toBeLessThanOrEqual(2048)
    expect(text).toContain('- **当前值**：93')
    expect(text).toContain('- **摘要**：温度过高')
    expect(text).toMatch(/\*\*说明\*\*：说+…（已截断，全文 60000 字节）/)
    expect(text.endsWith('告警')).toBe(true)
  })

  it('leaves a link out rather than cutting it', () => {
    const long = `http://127.0.0.1:9700/graph?g0.expr=${'a'.repeat(2000)}`
    const text = layout(toMessage(notification([alert({ generatorUrl: long })]), zh), dingtalkMarkdown, 2048, '')
    expect(text).not.toContain('aaaa')
    expect(text).toContain('[处理手册](https://docs.example.org/runbooks/gpu-too-hot)')
  })

  it('cuts between characters, of every width, at every length', () => {
    const text = 'aé告🔴'.repeat(20)
    for (let limit = 0; limit <= byteLength(text) + 1; limit++) {
      const cut = cutBytes(text, limit)
      expect(byteLength(cut)).toBeLessThanOrEqual(limit)
      expect(text.startsWith(cut.replace('…', ''))).toBe(true)
    }
    expect(cutBytes(text, byteLength(text))).toBe(text)
    expect(cutBytes('告警告警', 9)).toBe('告警…')
  })
})

describe('what labels may not do', () => {
  it.each([
    ['**bold** `code`', '\\*\\*bold\\*\\* \\`code\\`'],
    ['[click](http://evil)', '\\[click\\](http://evil)'],
    ['<@all> <font color="info">', '＜@all> ＜font color="info">'],
    ['# head', '\\# head'],
    ['1. item', '1\\. item'],
    ['_x_ deepseek_v2', '\\_x\\_ deepseek_v2'],
    ['a\\*b', 'a\\\\\\*b'],
  ])('%s is shown as it is', (value, escaped) => {
    expect(escapeMarkdown(value)).toBe(escaped)
  })

  it('a line break or a turned direction in a value starts no line of its own', () => {
    const labels = { alertname: 'A', severity: 'critical', host: 'gpu-01\n### 已恢复\u202e\u2028x' }
    const text = layout(toMessage(notification([alert({ labels })]), zh), dingtalkMarkdown, 4000, '')
    expect(text).toContain('- **主机**：gpu-01 ### 已恢复 x\n')
    expect(text.split('\n').filter((line) => line.startsWith('###'))).toHaveLength(1)
  })

  it.each([
    ['javascript:alert(1)', ''],
    ['data:text/html,x', ''],
    ['not a url', ''],
    ['https://a.example/x y(z)', 'https://a.example/x%20y%28z%29'],
  ])('a link to %s becomes %s', (from, to) => {
    expect(safeUrl(from)).toBe(to)
  })

  it('HTML is escaped', () => {
    const labels = { alertname: '<script>alert(1)</script>', severity: '"critical"', host: "a&b'" }
    const html = htmlBody(toMessage(notification([alert({ labels })]), en))
    expect(html).not.toContain('<script>')
    expect(html).toContain('&lt;script&gt;alert(1)&lt;/script&gt;')
    expect(html).toContain('&quot;critical&quot;')
    expect(html).toContain('a&amp;b&#39;')
  })
})

describe('time', () => {
  it('names its zone and follows summer time', () => {
    expect(localTime(Date.UTC(2026, 0, 1, 16, 0, 0), 'Asia/Shanghai')).toBe('2026-01-02 00:00:00 (Asia/Shanghai)')
    expect(localTime(Date.UTC(2026, 6, 1, 12, 0, 0), 'Europe/Berlin')).toBe('2026-07-01 14:00:00 (Europe/Berlin)')
    expect(isTimeZone('Asia/Shanghai')).toBe(true)
    expect(isTimeZone('Asia/Atlantis')).toBe(false)
  })

  it.each([
    [0, '0 秒', '0s'],
    [999, '1 秒', '1s'],
    [61_000, '1 分 1 秒', '1m 1s'],
    [3_600_000, '1 小时', '1h'],
    [3_605_000, '1 小时', '1h'],
    [90_061_000, '1 天 1 小时', '1d 1h'],
  ])('%i ms is %s and %s', (ms, chinese, english) => {
    expect(span(ms, 'zh')).toBe(chinese)
    expect(span(ms, 'en')).toBe(english)
  })
})
