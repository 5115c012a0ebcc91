// Instants and spans as people read them: local time with its zone named, spans in two units at most.

import type { Lang } from './words.ts'

export function isTimeZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone })
    return true
  } catch (error) {
    if (error instanceof RangeError) return false
    throw error
  }
}

const formats = new Map<string, Intl.DateTimeFormat>()

/** `2026-11-21 18:00:00 (Asia/Shanghai)`, 24-hour clock. */
export function localTime(at: number, zone: string): string {
  let format = formats.get(zone)
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-GB', {
      timeZone: zone,
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
      hourCycle: 'h23',
    })
    formats.set(zone, format)
  }
  const part = Object.fromEntries(format.formatToParts(at).map((one) => [one.type, one.value]))
  return `${part.year}-${part.month}-${part.day} ${part.hour}:${part.minute}:${part.second} (${zone})`
}

const units = [
  [86_400, '天', 'd'],
  [3600, '小时', 'h'],
  [60, '分', 'm'],
  [1, '秒', 's'],
] as const

/** `1 小时 5 分` / `1h 5m`: the largest unit and the next one; nothing shorter than a second. */
export function span(ms: number, lang: Lang): string {
  let rest = Math.max(0, Math.round(ms / 1000))
  const out: string[] = []
  for (const [seconds, zh, en] of units) {
    const count = Math.floor(rest / seconds)
    rest -= count * seconds
    if (count > 0) out.push(lang === 'zh' ? `${count} ${zh}` : `${count}${en}`)
    else if (out.length > 0) break
    if (out.length === 2) break
  }
  return out.length === 0 ? (lang === 'zh' ? '0 秒' : '0s') : out.join(' ')
}
