// The faults that the command tells, and the Chinese of them. A test holds every fault of the command line against this book.

import { phraseBook } from '../core/base/phrases.ts'

export const failureInChinese = phraseBook([
  ['because: %t', '原因:%1'],
  ['there is no lint %q', '没有名为 %1 的检查项'],
  ['Lints: %t.', '检查项:%1。'],
  ['--run: %t', '--run:%1'],
  ['%n of %n checks failed', '%2 项检查中有 %1 项失败'],
  ['command %w ended as %w', '命令 %1 的结局为 %2'],
  [
    'See `inferward incidents list`, and the agent log under DATA/log/agent.log.',
    '请查看 `inferward incidents list` 与 DATA/log/agent.log。',
  ],
  ['no engine %q', '没有引擎 %1'],
  ['%q names %n engines', '%1 对应 %2 个引擎'],
  ['No host has reported an engine yet.', '尚无主机上报引擎。'],
  ['Engines: %t', '引擎:%1'],
  ['%n of %n channels failed', '%2 个渠道中有 %1 个失败'],
  ['data folder %t cannot be made', '无法创建数据目录 %1'],
  ['Name a writable folder with --data.', '请用 --data 指定可写的目录。'],
  ['unknown output format %q', '未知的输出格式 %1'],
  ['Use -o table or -o json.', '请使用 -o table 或 -o json。'],
  ['the gateway is not part of this version', '本版本不含网关'],
  ['Clients talk to the engine at 127.0.0.1:9720 for now.', '目前客户端请直接访问 127.0.0.1:9720 上的引擎。'],
  ['%t cannot be read (%t)', '无法读取 %1(%2)'],
  [
    'Name a file that is there and may be read, or - for the standard input.',
    '请指定存在且可读的文件,或用 - 表示标准输入。',
  ],
  ['not a URL: %t', '不是 URL:%1'],
  ['Write --server http://host:9700', '请写成 --server http://host:9700'],
  ['token file %t cannot be read', '无法读取令牌文件 %1'],
  [
    'The admin token lies at DATA/admin.token, readable by the user who started the server.',
    '管理员令牌位于 DATA/admin.token,启动 server 的用户可读。',
  ],
  ['the token holds spaces or characters that no token has', '令牌中含有空格或令牌不会有的字符'],
  ['Give the token alone: the whole content of DATA/admin.token.', '请只给出令牌本身,即 DATA/admin.token 的全部内容。'],
  ['not a number of seconds: %q', '不是秒数:%1'],
  ['Write --timeout 30', '请写成 --timeout 30'],
  ['no answer from %w: %t', '%1 没有回答:%2'],
  [
    'Is the server running? Start it with `inferward up --data DIR`, or name another with --server URL.',
    'server 在运行吗?请用 `inferward up --data DIR` 启动,或用 --server URL 指定另一个。',
  ],
  ['the answer for %w is not JSON', '%1 的回答不是 JSON'],
  [
    'Is --server the address of an Inferward server, and not of a page in front of it?',
    '--server 是 Inferward server 的地址,而不是它前面某个页面的地址吗?',
  ],
  [
    'Give a token that may do this: --token-file DATA/admin.token, or INFERWARD_TOKEN.',
    '请给出有此权限的令牌:--token-file DATA/admin.token,或 INFERWARD_TOKEN。',
  ],
  ['HTTP %n for %w', '%2 返回 HTTP %1'],
  ['no more came', '没有更多内容'],
  ['the answer ended without a result', '回答结束而没有结果'],
  ['%w: not a time: %t', '%1:不是时间:%2'],
  ['Write 2026-01-31T12:00:00Z, or seconds since 1970.', '请写成 2026-01-31T12:00:00Z,或 1970 年以来的秒数。'],
  // What the server says most often.
  ['a valid token is needed', '需要有效的令牌'],
  ['%w may not %t (%w)', '%1 无权执行 %2(%3)'],
  [
    'Send `Authorization: Bearer TOKEN`; the admin token lies at DATA/admin.token.',
    '请给出令牌:--token-file DATA/admin.token。',
  ],
  [
    'Send a token that may: Authorization: Bearer TOKEN; the admin token lies at DATA/admin.token.',
    '请给出有此权限的令牌:--token-file DATA/admin.token。',
  ],
  ['another command for %w is still under way', '%1 的另一条命令仍在进行'],
  ['there is no incident', '没有事件'],
  ['no incident %t', '没有事件 %1'],
  ['See which there are: inferward incidents list.', '查看已有事件:inferward incidents list。'],
  ['no such host %t', '没有主机 %1'],
  ['See which there are: inferward hosts list.', '查看已有主机:inferward hosts list。'],
  ['host %w is connected', '主机 %1 在线'],
  [
    'Stop its agent first. If it is not yours, remove DATA/agent.token, restart the server and give the new token to your hosts.',
    '请先停止它的 agent。若不是你的主机,请删除 DATA/agent.token,重启 server,并把新令牌发给你的主机。',
  ],
])
