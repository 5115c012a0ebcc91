// What the history says in plain sentences, English and Chinese side by side, so that neither is an afterthought. Plain text: markup and its
// escaping belong to render.ts.

import type { Event, EventOf, FaultCause, Verdict } from '../../core/event/event.ts'
import { inChinese } from '../../core/event/phrases.ts'

export type Words = { readonly en: string; readonly zh: string }

/** `850 ms`, `12.3 s`, `5 min 3 s`, `2 h 5 min`, `3 d 4 h`. */
export function durationWords(ms: number): Words {
  const whole = Math.max(0, Math.round(ms))
  if (whole < 1000) return { en: `${whole} ms`, zh: `${whole} 毫秒` }
  if (whole < 120_000) {
    const seconds = String(Math.round(whole / 100) / 10)
    return { en: `${seconds} s`, zh: `${seconds} 秒` }
  }
  const seconds = Math.round(whole / 1000)
  const minutes = Math.floor(seconds / 60)
  if (minutes < 120) return pair(minutes, 'min', '分', seconds % 60, 's', '秒')
  const hours = Math.floor(minutes / 60)
  if (hours < 48) return pair(hours, 'h', '小时', minutes % 60, 'min', '分')
  return pair(Math.floor(hours / 24), 'd', '天', hours % 24, 'h', '小时')
}

function pair(a: number, aEn: string, aZh: string, b: number, bEn: string, bZh: string): Words {
  return {
    en: `${a} ${aEn}${b === 0 ? '' : ` ${b} ${bEn}`}`,
    zh: `${a} ${aZh}${b === 0 ? '' : ` ${b} ${bZh}`}`,
  }
}

/** What the engine did, as a predicate. */
export const causeWords: Readonly<Record<FaultCause, Words>> = {
  killed: { en: 'was killed from outside', zh: '被外部强制终止' },
  aborted: { en: 'aborted', zh: '异常中止' },
  crashed: { en: 'crashed', zh: '崩溃' },
  out_of_memory: { en: 'ran out of memory', zh: '内存耗尽' },
  terminated: { en: 'was told from outside to end', zh: '被外部信号要求退出' },
  exited: { en: 'ended by itself', zh: '自行退出' },
  hung: { en: 'hung', zh: '挂死' },
  load_failed: { en: 'could not load', zh: '加载失败' },
  probe_failed: { en: 'failed its probes', zh: '探测失败' },
  unknown: { en: 'ended for an unknown reason', zh: '因不明原因结束' },
}

const actionZh = { start: '启动', stop: '停止', restart: '重启', rebuild: '重建' } as const
export const actionWords = (action: keyof typeof actionZh): Words => ({ en: action, zh: actionZh[action] })

export function principalWords(principal: string): Words {
  return principal === 'local-policy' ? { en: 'the local policy', zh: '本地策略' } : { en: principal, zh: principal }
}

/** The guard's named reasons, for who has not read its code. Others are shown as they came. */
const refusals: Readonly<Record<string, Words>> = {
  budget_spent: { en: 'the restart budget is spent', zh: '重启预算已用完' },
  stopped_by_person: { en: 'somebody stopped this engine on purpose', zh: '该引擎被人为停止' },
  stale_incarnation: { en: 'it was meant for an earlier life of the engine', zh: '该命令针对引擎的前一个进程' },
  lower_fence: { en: 'a newer command came first', zh: '已有更新的命令' },
  expired: { en: 'it came too late', zh: '命令已过期' },
  busy: { en: 'another action was in progress', zh: '另一动作正在进行' },
}
export function refusalWords(reason: string): Words {
  return (Object.hasOwn(refusals, reason) ? refusals[reason] : undefined) ?? twin(reason)
}

/** What an event says in one language, as a person of the other reads it; what came from outside stays as it came. */
export const twin = (text: string): Words => ({ en: text, zh: inChinese(text) ?? text })

const tail = (text: string, separator: string): string => (text === '' ? '' : `${separator}${text}`)
const tailZh = (text: string): string => tail(twin(text).zh, ':')

function outcomeWords(event: EventOf<'outcome'>): Words {
  const action = actionWords(event.action)
  const who = principalWords(event.principal)
  const why = refusalWords(event.reason)
  const took = event.tookMs === null ? null : durationWords(event.tookMs)
  switch (event.result) {
    case 'started':
      return {
        en: `${action.en} begun by ${who.en}${tail(event.reason, ': ')}`,
        zh: `${who.zh}开始${action.zh}${tailZh(event.reason)}`,
      }
    case 'done':
      return event.action === 'stop'
        ? { en: `stopped by ${who.en}${tail(event.reason, ': ')}`, zh: `已由${who.zh}停止${tailZh(event.reason)}` }
        : {
            en: `${action.en} done${took === null ? '' : ` in ${took.en}`}: an inference was verified`,
            zh: `${action.zh}完成${took === null ? '' : `,用时 ${took.zh}`}:已通过真实推理验证`,
          }
    case 'unknown':
      return {
        en: `nobody knows how the ${action.en} ended${tail(event.reason, ': ')}`,
        zh: `${action.zh}的结果未知${tailZh(event.reason)}`,
      }
    case 'failed':
      return {
        en: `${action.en} by ${who.en} failed${took === null ? '' : ` after ${took.en}`}${tail(event.reason, ': ')}`,
        zh: `${who.zh}的${action.zh}失败${took === null ? '' : `(${took.zh}后)`}${tailZh(event.reason)}`,
      }
    default:
      return {
        en: `${action.en} by ${who.en} refused${tail(why.en, ': ')}`,
        zh: `${who.zh}的${action.zh}被拒绝${tail(why.zh, ':')}`,
      }
  }
}

const alertStates = {
  pending: { en: 'pending', zh: '待触发' },
  firing: { en: 'firing', zh: '触发' },
  resolved: { en: 'resolved', zh: '已恢复' },
  inactive: { en: 'no longer pending', zh: '未触发即消失' },
} as const

const deliveryStates = {
  sent: { en: 'told', zh: '已通知' },
  failed: { en: 'could not tell (will be tried again)', zh: '通知失败(将重试)' },
  given_up: { en: 'gave up telling', zh: '放弃通知' },
} as const

const verdictZh: Readonly<Record<Verdict, string>> = {
  healthy: '健康',
  busy: '繁忙',
  long_prefill: '长预填充',
  overloaded: '过载',
  idle: '空闲',
  loading: '加载中',
  hung: '挂死',
  dead: '已退出',
  unknown: '未知',
}
const breakerZh = { closed: '闭合', open: '断开', half_open: '半开' } as const
const snapshotZh = {
  created: '已创建',
  verified: '已校验',
  restored: '已恢复',
  pruned: '已清理',
  failed: '失败',
} as const
const subjectZh: Readonly<Record<string, string>> = {
  config: '配置',
  rules: '规则',
  engine: '引擎',
  host: '主机',
}
/** Where evidence was seen. */
const sourceZh: Readonly<Record<string, string>> = {
  parent: '父进程',
  telemetry: '遥测页',
  kernel: '内核',
  log: '日志',
  probe: '探测',
  process: '进程',
  heartbeat: '心跳',
}
export const sourceWords = (source: string): Words => ({
  en: source,
  zh: (Object.hasOwn(sourceZh, source) ? sourceZh[source] : undefined) ?? source,
})

/** A cause as a title: of a fault by its word, of an alert by its rule. */
export function causeTitle(cause: string): Words {
  if (cause === 'action_failed') return { en: cause, zh: '动作失败' }
  return { en: cause, zh: Object.hasOwn(causeWords, cause) ? causeWords[cause as FaultCause].zh : cause }
}

/** One line of the timeline. */
export function eventWords(event: Event): Words {
  switch (event.kind) {
    case 'fault': {
      const cause = causeWords[event.cause]
      const engine = event.engine ?? ''
      return {
        en: `engine ${engine} ${cause.en}${tail(event.detail, ': ')}`,
        zh: `引擎 ${engine} ${cause.zh}${tailZh(event.detail)}`,
      }
    }
    case 'verdict':
      return {
        en: `judged ${event.verdict}, before: ${event.previous}`,
        zh: `判定为${verdictZh[event.verdict]},此前为${verdictZh[event.previous]}`,
      }
    case 'transition': {
      const state = alertStates[event.state]
      const summary = event.annotations.summary ?? ''
      return {
        en: `alert ${event.rule} ${state.en}${tail(summary, ': ')}`,
        zh: `告警 ${event.rule} ${state.zh}${tail(event.annotations.summary_zh ?? summary, ':')}`,
      }
    }
    case 'delivery': {
      const state = deliveryStates[event.status]
      const about = alertStates[event.transition]
      return {
        en: `${state.en}: ${event.receiver} by ${event.channel} (${about.en}), attempt ${event.attempt}`,
        zh: `${state.zh}:${event.receiver},渠道 ${event.channel}(${about.zh}),第 ${event.attempt} 次`,
      }
    }
    case 'command': {
      const action = actionWords(event.action)
      const who = principalWords(event.principal)
      return {
        en: `${who.en} asked for ${action.en}${tail(event.reason, ': ')}`,
        zh: `${who.zh}要求${action.zh}${tailZh(event.reason)}`,
      }
    }
    case 'outcome':
      return outcomeWords(event)
    case 'breaker':
      return {
        en: `circuit breaker of ${event.backend} ${event.state.replace('_', ' ')}${tail(event.reason, ': ')}`,
        zh: `${event.backend} 的熔断器变为${breakerZh[event.state]}${tailZh(event.reason)}`,
      }
    case 'snapshot':
      return {
        en: `snapshot ${event.snapshotId} ${event.step}${tail(event.detail, ': ')}`,
        zh: `快照 ${event.snapshotId} ${snapshotZh[event.step]}${tailZh(event.detail)}`,
      }
    case 'change':
      return {
        en: `${event.subject} changed by ${event.principal}${tail(event.detail, ': ')}`,
        zh: `${event.principal} 变更${Object.hasOwn(subjectZh, event.subject) ? subjectZh[event.subject] : ` ${event.subject}`}${tailZh(event.detail)}`,
      }
  }
}
