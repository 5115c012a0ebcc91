// What agents and server say in events, and the Chinese of it: the details of faults, their evidence, the reasons of outcomes. Last words of a process
// and what a person typed stay as they are. A test holds every sentence of the rooms that make events against this book.

import { phraseBook } from '../base/phrases.ts'

export const inChinese = phraseBook([
  // Why a process is gone.
  ['ended by %w', '被 %1 终止'],
  ['exit code %n', '退出码 %1'],
  ['not our child: no exit status', '不是本程序的子进程,没有退出状态'],
  ['the process noted %w before it died', '进程在退出前记录了 %1'],
  ['the process noted that memory ran out', '进程记录了内存耗尽'],
  ['killed by the kernel: memory ran out', '内存耗尽,被内核终止'],
  ['an allocation failed', '内存分配失败'],
  ['the model could not be loaded', '模型无法加载'],
  ['its port is in use', '端口已被占用'],
  ['killed from outside by SIGKILL; no sign of memory pressure', '被外部以 SIGKILL 终止,没有内存压力的迹象'],
  ['ended itself by %w', '以 %1 自行中止'],
  ['crashed with %w', '因 %1 崩溃'],
  ['asked to end by %w from outside', '被外部以 %1 要求退出'],
  ['asked to end from outside, and ended in order', '被外部要求退出,并正常结束'],
  ['returned by itself with code %n', '自行退出,退出码 %1'],
  ['vanished without a word, as after SIGKILL', '无声消失,如同被 SIGKILL 终止'],
  ['nothing says why', '没有线索说明原因'],
  ['the memory cgroup counted an OOM kill', '内存 cgroup 记录了一次 OOM 终止'],
  // Why a process that lives does not work.
  ['no such process', '进程不存在'],
  ['no progress for %n s (limit %n s)', '%1 秒没有进展(时限 %2 秒)'],
  ['no progress for %n s: it stood still', '%1 秒没有进展:完全静止'],
  ['no progress for %n s while work waited', '有任务等待,%1 秒没有进展'],
  ['%n running, %n waiting', '运行中 %1,等待 %2'],
  ['the process is stopped (state T)', '进程已被暂停(状态 T)'],
  ['last heartbeat %n s ago', '上次心跳在 %1 秒前'],
  ['our own request has waited for %n s', '本程序的请求已等待 %1 秒'],
  ['%n probes in a row failed: %t', '连续 %1 次探测失败:%2'],
  ['the adopted engine answered an inference', '被接管的引擎完成了一次推理'],
  ['queue full (429)', '队列已满(429)'],
  ['HTTP %n', 'HTTP %1'],
  ['one token', '一个 token'],
  ['answer without choices', '回答中没有结果'],
  ['no answer within %n ms', '%1 毫秒内没有回答'],
  ['connection failed', '连接失败'],
  ['pid %n does not end, even by SIGKILL', '进程 %1 即使收到 SIGKILL 也不结束'],
  // What was asked for, and why it came to nothing.
  ['engine is to run', '引擎应当运行'],
  ['the configuration of this engine changed', '该引擎的配置已变更'],
  ['the engine ended before it served', '引擎在就绪之前退出'],
  ['not serving in time', '未能按时就绪'],
  ['no such engine on this host', '本机没有该引擎'],
  ['the journal could not be written: %t', '命令日志无法写入:%1'],
  ['the command journal is full', '命令日志已满'],
  ['the agent ended between the start of this action and its end', 'agent 在该动作进行中退出'],
  ['nobody took it in time', '无人按时接收'],
  ['the agent took it and never told how it ended', 'agent 已接收,但从未上报结果'],
  // Changes.
  ['adopted pid %n', '已接管进程 %1'],
  ['the host name is bound to the key that came first', '主机名已绑定到最先出现的密钥'],
  ['forgotten: %t', '已忘记:%1'],
])
