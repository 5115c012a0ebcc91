// The humanising functions of rule templates, with Prometheus' results.

import { goGeneral } from './number.ts'

const large = ['', 'k', 'M', 'G', 'T', 'P', 'E', 'Z', 'Y']
const small = ['', 'm', 'u', 'n', 'p', 'f', 'a', 'z', 'y']
const binary = ['', 'ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei', 'Zi', 'Yi']

/** 1234567 → `1.235M`; 0.0042 → `4.2m`. */
export function humanize(value: number): string {
  if (value === 0 || !Number.isFinite(value)) return goGeneral(value, 4)
  let rest = value
  let step = 0
  if (Math.abs(value) >= 1) {
    for (; Math.abs(rest) >= 1000 && step < 8; step++) rest /= 1000
    return `${goGeneral(rest, 4)}${large[step]}`
  }
  for (; Math.abs(rest) < 1 && step < 8; step++) rest *= 1000
  return `${goGeneral(rest, 4)}${small[step]}`
}

/** 1536 → `1.5ki`. */
export function humanize1024(value: number): string {
  if (Math.abs(value) <= 1 || !Number.isFinite(value)) return goGeneral(value, 4)
  let rest = value
  let step = 0
  for (; Math.abs(rest) >= 1024 && step < 8; step++) rest /= 1024
  return `${goGeneral(rest, 4)}${binary[step]}`
}

/** 0.4567 → `45.67%`. */
export function humanizePercentage(value: number): string {
  return `${goGeneral(value * 100, 4)}%`
}

/** 3661 → `1h 1m 1s`; 0.25 → `250ms`. */
export function humanizeDuration(value: number): string {
  if (!Number.isFinite(value)) return goGeneral(value, 4)
  if (value === 0) return '0s'
  if (Math.abs(value) < 1) {
    let rest = value
    let step = 0
    for (; Math.abs(rest) < 1 && step < 8; step++) rest *= 1000
    return `${goGeneral(rest, 4)}${small[step]}s`
  }
  const sign = value < 0 ? '-' : ''
  const magnitude = Math.abs(value)
  const whole = Math.trunc(magnitude)
  const [days, hours, minutes, seconds] = [
    Math.floor(whole / 86_400),
    Math.floor(whole / 3600) % 24,
    Math.floor(whole / 60) % 60,
    whole % 60,
  ] as const
  if (days !== 0) return `${sign}${days}d ${hours}h ${minutes}m ${seconds}s`
  if (hours !== 0) return `${sign}${hours}h ${minutes}m ${seconds}s`
  if (minutes !== 0) return `${sign}${minutes}m ${seconds}s`
  return `${sign}${goGeneral(magnitude, 4)}s`
}
