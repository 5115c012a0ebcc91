// The page of an incident: complete for a person, harmless whatever strangers wrote into it.

import { describe, expect, it } from 'vitest'
import { inert, renderIncident } from '../../../server/incident/render.ts'
import { durationWords } from '../../../server/incident/words.ts'
import { foldAll, story } from './story.ts'

function killed(): ReturnType<typeof story> {
  const it = story()
  it.fault(10)
  it.outcome(10.1, 'started')
  it.alert(11, 'firing', { annotations: { summary: 'down', runbook_url: 'alerts/runbooks/EngineCrashed.md' } })
  it.outcome(11.3, 'done', { tookMs: 1200 })
  it.delivery(12)
  it.alert(14, 'resolved')
  return it
}

describe('the page of an incident', () => {
  it('tells headline, cause, evidence, times, who was told with proof, and the timeline', () => {
    const [incident] = foldAll(killed().events)
    expect(renderIncident(incident!, 'en').split('\n')).toEqual([
      `# ${incident!.id} · closed · \`gpu-1/default\``,
      '',
      `\`${incident!.summary.en}\``,
      '',
      'Severity: critical',
      '· Counts: faults 1, alerts 1, actions 1 (0 failed, 0 refused), messages 1 sent, 0 not sent',
      '· Runbook: `alerts/runbooks/EngineCrashed.md`',
      '',
      '## Cause',
      '',
      '`killed`: `killed from outside by SIGKILL; no sign of memory pressure`',
      '',
      'Evidence:',
      '',
      '- `parent`: `ended by SIGKILL`',
      '',
      '## Times (UTC)',
      '',
      '- detected: 2026-11-20T00:00:10.000Z',
      '- first action: 2026-11-20T00:00:10.100Z (after 100 ms)',
      '- inference verified: 2026-11-20T00:00:11.300Z (after 1.3 s)',
      '- first person told: 2026-11-20T00:00:12.000Z (after 2 s)',
      '- alerts resolved: 2026-11-20T00:00:14.000Z (after 4 s)',
      '- closed: 2026-11-20T00:00:14.000Z (after 4 s)',
      '',
      '## Who was told',
      '',
      '- 2026-11-20T00:00:12.000Z sent: `oncall` `oncall/dingtalk[0]` (firing) · proof: `{"errcode":0}` `message-1`',
      '',
      '## Timeline (UTC)',
      '',
      '- 2026-11-20T00:00:10.000Z `engine default was killed from outside: killed from outside by SIGKILL; no sign of memory pressure` (`parent: ended by SIGKILL`)',
      '- 2026-11-20T00:00:10.100Z `start begun by the local policy`',
      '- 2026-11-20T00:00:11.000Z `alert EngineCrashed firing: down`',
      '- 2026-11-20T00:00:11.300Z `start done in 1.2 s: an inference was verified`',
      '- 2026-11-20T00:00:12.000Z `told: oncall by oncall/dingtalk[0] (firing), attempt 1`',
      '- 2026-11-20T00:00:14.000Z `alert EngineCrashed resolved: default on gpu-1 crashed`',
      '',
    ])
  })

  it('tells the same in Chinese, and what has not happened', () => {
    const it = story()
    it.fault(10)
    const [incident] = foldAll(it.events)
    const page = renderIncident(incident!, 'zh')
    expect(page).toContain(`# ${incident!.id} · 未恢复 · \`gpu-1/default\``)
    expect(page).toContain('## 已通知\n\n尚未通知任何人。\n')
    expect(page).toContain('- 真实推理验证通过: 尚无')
    expect(page).toContain('`引擎 default 被外部强制终止:被外部以 SIGKILL 终止,没有内存压力的迹象`')
    expect(page).toContain('- `父进程`: `被 SIGKILL 终止`')
    // Times, the id and names aside, no word of English.
    expect(page.replace(/\d{4}-\d\d-\d\dT[\d:.]+Z|I[0-9a-f]{12}|SIGKILL|UTC|gpu-1|default/g, '')).not.toMatch(
      /[A-Za-z]{3,}/,
    )
  })

  it('says where lines were left out', () => {
    const it = story()
    for (let n = 0; n < 250; n++) it.fault(n)
    const lines = renderIncident(foldAll(it.events)[0]!, 'en').split('\n')
    expect(lines.filter((line) => line.startsWith('- 2026-11-20T') && line.includes('`engine default'))).toHaveLength(
      200,
    )
    expect(lines).toContain('- … 50 lines left out here …')
  })

  const hostile = [
    '<script>alert(1)</script>',
    '[click](javascript:alert(1)) ![x](https://evil.example/x.png)',
    'a`b``c```d`',
    'line\n# heading\n- item\n\n```\ncode',
    '\u001b[2J\u001b]0;title\u0007red',
    '\u202egnp.exe\u2066',
    '| cell | <img src=x onerror=alert(1)>',
    '`'.repeat(50),
  ]
  it.each(hostile.map((text) => ({ text })))('makes $text harmless wherever it stands', ({ text }) => {
    const it = story(`host ${text}`, `engine ${text}`)
    it.change(1, { detail: text, subject: text, principal: text })
    it.fault(2, { detail: text, evidence: [{ source: text, statement: text }] })
    it.outcome(3, 'failed', { reason: text, principal: text })
    it.outcome(3.5, 'refused', { reason: text, principal: text })
    it.alert(4, 'firing', { rule: text, annotations: { summary: text, summary_zh: text, runbook_url: text } })
    it.delivery(5, { reply: text, receiver: text, channel: text, messageId: text })
    it.command(6, { reason: text, principal: text })
    const [incident] = foldAll(it.events)
    const plain = story()
    plain.change(1)
    plain.fault(2, { detail: 'x' })
    plain.outcome(3, 'failed', { reason: 'x' })
    plain.outcome(3.5, 'refused', { reason: 'x' })
    plain.alert(4, 'firing', { annotations: { summary: 'x', runbook_url: 'x' } })
    plain.delivery(5)
    plain.command(6)
    for (const lang of ['en', 'zh'] as const) {
      const page = renderIncident(incident!, lang)
      // What is left outside code spans is what it is with plain texts: no stranger's character among it.
      const skeleton = (markdown: string): string => markdown.replace(/`[^`\n]+`/g, 'S').replace(/I[0-9a-f]{12}/, 'ID')
      expect(skeleton(page).replaceAll('–', 'S')).toBe(skeleton(renderIncident(foldAll(plain.events)[0]!, lang)))
      expect(page.replaceAll('\n', '')).not.toMatch(/\p{Cc}|[\u202a-\u202e\u2066-\u2069]/u)
      expect(incident!.summary[lang]).not.toMatch(/\p{Cc}|[\u202a-\u202e\u2066-\u2069]/u)
    }
  })

  it('keeps a code span closed', () => {
    expect(inert('a`b')).toBe("`a'b`")
    expect(inert(' a\n\nb ')).toBe('`a b`')
    expect(inert('')).toBe('–')
  })

  it.each([
    [0, '0 ms', '0 毫秒'],
    [999, '999 ms', '999 毫秒'],
    [1000, '1 s', '1 秒'],
    [12_340, '12.3 s', '12.3 秒'],
    [120_000, '2 min', '2 分'],
    [303_000, '5 min 3 s', '5 分 3 秒'],
    [7_500_000, '2 h 5 min', '2 小时 5 分'],
    [200_000_000, '2 d 7 h', '2 天 7 小时'],
    [-5, '0 ms', '0 毫秒'],
  ])('%i ms reads %s', (ms, en, zh) => {
    expect(durationWords(ms)).toEqual({ en, zh })
  })
})
