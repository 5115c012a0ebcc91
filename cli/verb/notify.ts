// `inferward notify test CHANNEL`: one real message through a receiver or one of its channels, with the redacted request, the reply and what to do about it.

import { Command } from 'commander'
import { InferwardError } from '../../core/base/errors.ts'
import { say } from '../language.ts'
import { outputOption, verbContext } from './shared.ts'

type TestResult = {
  readonly channel: string
  readonly ok: boolean
  readonly request: string
  readonly reply: string
  readonly advice: { readonly en: string; readonly zh: string }
}

export function notifyCommand(): Command {
  const notify = new Command('notify').description('notification channels')
  notify
    .command('test')
    .description('send a test message through one channel, or through every channel of a receiver')
    .argument(
      '<channel>',
      'a receiver of the Alertmanager configuration, or one of its channels such as oncall/dingtalk[0]',
    )
    .option(...outputOption)
    .action(async (receiver: string, _flags: unknown, command: Command) => {
      const context = verbContext(command)
      const results = (await context.client.post('/api/v1/notify/test', { receiver })) as readonly TestResult[]
      if (context.format === 'json') process.stdout.write(`${JSON.stringify(results, null, 2)}\n`)
      else {
        for (const one of results) {
          const verdict = say(context.lang, one.ok ? { en: 'OK', zh: '成功' } : { en: 'FAILED', zh: '失败' })
          const reply = say(context.lang, { en: 'reply', zh: '回复' })
          process.stdout.write(`${one.channel}: ${verdict}\n${one.request}\n--- ${reply}\n${one.reply}\n`)
          process.stdout.write(`--- ${one.advice[context.lang]}\n`)
        }
      }
      const failed = results.filter((one) => !one.ok)
      if (failed.length > 0) {
        throw new InferwardError({
          code: 'notify.test',
          message: `${failed.length} of ${results.length} channels failed`,
        })
      }
    })
  return notify
}
