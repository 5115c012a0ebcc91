// What a person can do about an answer, in plain words and both languages: by errcode where the receiver gave one, else by how it failed.

import type { SendResult } from '../dispatch/channel.ts'

export type Advice = { readonly en: string; readonly zh: string }

const done: Advice = { en: 'Delivered: look into the chat or mailbox.', zh: '已送达：请到群里或邮箱中查看。' }

const dingtalkSecurity: readonly (readonly [RegExp, Advice])[] = [
  [
    /keyword|关键词/i,
    {
      en: 'Keyword missing: the message holds none of the keywords of the robot’s security settings. Set `keyword` to one of them, character for character.',
      zh: '关键词不匹配：消息中没有机器人安全设置里的关键词。请把 `keyword` 设为其中之一，逐字相同。',
    },
  ],
  [
    /timestamp|时间戳|expire/i,
    {
      en: 'Timestamp refused: the clock of this host is more than an hour off. Correct it (NTP) and try again.',
      zh: '时间戳无效：本机时钟偏差超过一小时。请校准时钟（NTP）后重试。',
    },
  ],
  [
    /sign|签名/i,
    {
      en: 'Signature refused: `secret` is not the one that the robot shows under "sign" (it begins with SEC), or it belongs to another robot.',
      zh: '签名不匹配：`secret` 不是机器人“加签”处显示的密钥（以 SEC 开头），或属于另一个机器人。',
    },
  ],
  [
    /ip|whitelist|白名单/i,
    {
      en: 'Address refused: this host is not in the robot’s IP list. Add its public IPv4 address, or choose another security setting.',
      zh: 'IP 不在白名单：请在机器人安全设置中加入本机的公网 IPv4 地址，或改用其他安全方式。',
    },
  ],
]

const noRobot: Advice = {
  en: 'The robot does not exist, was removed or was stopped: make or start it in the group and copy its whole URL again.',
  zh: '机器人不存在、已被移除或已停用：请在群中重新创建或启用，并重新复制完整的 URL。',
}
const tooFast: Advice = {
  en: 'Too many messages: the robot takes 20 a minute. Wait (DingTalk: 10 minutes), group alerts more, or use another robot.',
  zh: '发送过快：每个机器人每分钟最多 20 条。请稍候（钉钉需等 10 分钟）、加大告警分组，或增加机器人。',
}
const tooLong: Advice = {
  en: 'The message is too long even when shortened: use fewer or shorter annotations.',
  zh: '消息缩短后仍然过长：请减少或缩短注解（annotations）。',
}
const busy: Advice = {
  en: 'The receiver was busy: try again in a minute.',
  zh: '对方系统繁忙：请一分钟后重试。',
}
const refusedContent: Advice = {
  en: 'The content was refused: see errmsg; sensitive words in labels or annotations are the usual cause.',
  zh: '内容被拒绝：请看 errmsg；常见原因是标签或注解中含有敏感词。',
}

const badMessage: Advice = {
  en: 'The robot does not know this kind of message: set `message_type: text`, and check that no proxy changes the request.',
  zh: '机器人不接受该消息格式：请设置 `message_type: text`，并确认中间没有代理改写请求。',
}
const feishuClock: Advice = {
  en: 'Signature refused: `secret` is not the one that the robot shows, or the clock of this host is more than an hour off.',
  zh: '签名校验失败：`secret` 不是机器人显示的密钥，或本机时钟偏差超过一小时。',
}
const [keywordMissing, , , addressRefused] = dingtalkSecurity.map(([, advice]) => advice)

const byErrcode: Readonly<Record<string, Readonly<Record<number, Advice>>>> = {
  dingtalk: {
    [-1]: busy,
    300005: noRobot,
    400101: noRobot,
    400102: noRobot,
    400106: noRobot,
    130101: tooFast,
    660026: tooFast,
    410100: tooFast,
    460101: tooLong,
    101002: tooLong,
    400105: badMessage,
    43004: badMessage,
    430101: refusedContent,
    430102: refusedContent,
    430103: refusedContent,
    430104: refusedContent,
  },
  wecom: {
    [-1]: busy,
    93000: {
      en: 'The key is not valid: copy the robot’s whole webhook URL again; it may have been removed from the group.',
      zh: 'key 无效：请重新复制机器人的完整 Webhook 地址；机器人可能已被移出群聊。',
    },
    45009: tooFast,
    40008: {
      en: 'The type of the message was refused: set `message_type: text`.',
      zh: '消息类型被拒绝：请设置 `message_type: text`。',
    },
    40058: tooLong,
  },
  feishu: {
    11232: {
      en: 'Too many messages: the robot takes 100 a minute and 5 a second. Wait a minute, group alerts more, or use another robot.',
      zh: '发送过快：每个机器人每分钟最多 100 条、每秒最多 5 条。请等一分钟、加大告警分组，或增加机器人。',
    },
    19021: feishuClock,
    19022: addressRefused!,
    19024: keywordMissing!,
    9499: badMessage,
    19036: tooLong,
  },
}

const byCode: Readonly<Record<string, Advice>> = {
  timeout: {
    en: 'No answer in time: check the network, proxy and firewall between this host and the receiver, or raise `timeout`.',
    zh: '超时无应答：请检查本机到对方的网络、代理与防火墙，或增大 `timeout`。',
  },
  unreachable: {
    en: 'Not reachable: check host name, port, DNS, certificate and firewall. Private addresses need `allow_private: true`; cloud metadata addresses are always refused.',
    zh: '无法连接：请检查主机名、端口、DNS、证书与防火墙。内网地址需要 `allow_private: true`；云元数据地址一律拒绝访问。',
  },
  http_4xx: {
    en: 'The receiver refused the request: check the URL and its credentials.',
    zh: '对方拒绝了请求：请检查 URL 与凭据。',
  },
  http_5xx: {
    en: 'The receiver failed: try again later, or look into its log.',
    zh: '对方服务出错：请稍后重试，或查看对方日志。',
  },
  rate_limited: tooFast,
  too_long: tooLong,
  bad_reply: {
    en: 'The answer is not the receiver’s: a proxy or login page may stand between, or the URL is of another site.',
    zh: '应答不是来自该服务：中间可能有代理或登录页，或 URL 指向了其他网站。',
  },
}

const refusedMail: Advice = {
  en: 'The mail server refused: check user, password, sender and recipient; many providers want an app password.',
  zh: '邮件服务器拒绝：请检查用户名、密码、发件人与收件人；多数邮箱需要使用授权码。',
}
const refused: Advice = {
  en: 'Refused: the reply says why; correct the channel’s configuration.',
  zh: '被拒绝：原因见应答内容；请修正该通道的配置。',
}

export function adviceFor(kind: string, result: SendResult): Advice {
  if (result.ok) return done
  const code = /"(?:errcode|code|StatusCode)"\s*:\s*"?(-?\d+)/.exec(result.reply)?.[1]
  if (code !== undefined) {
    if (kind === 'dingtalk' && code === '310000') {
      return dingtalkSecurity.find(([words]) => words.test(result.reply))?.[1] ?? refused
    }
    const known = byErrcode[kind]?.[Number(code)]
    if (known !== undefined) return known
  }
  if (result.code === 'rejected') return kind === 'email' ? refusedMail : refused
  return byCode[result.code] ?? refused
}
