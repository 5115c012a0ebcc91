// `inferward check templates FILE...`: template files and Alertmanager configurations, and what their messages look like, without a server.

import { Command } from 'commander'
import { exitCodes } from '../../core/base/errors.ts'
import { testNotification } from '../../server/notify/test-message.ts'
import { type Language, say } from '../language.ts'
import { readGiven } from '../rules/read.ts'
import { type CheckedFile, checkTemplates } from '../templates/check.ts'
import { notificationOf } from '../templates/data.ts'
import { outputOption, wordsContext } from './shared.ts'

type Flags = { readonly text?: string; readonly html?: boolean; readonly data?: string }

export function checkTemplatesCommand(): Command {
  return new Command('templates')
    .description('template files and Alertmanager configurations (.yml), and what their messages look like')
    .argument('<file...>', 'template files, which are one set, and configurations')
    .option('--text <template>', 'render this text over the template files')
    .option('--html', 'escape as in the HTML of a mail')
    .option('--data <file>', 'body of a webhook to render with; - for the standard input')
    .option(...outputOption)
    .action((files: readonly string[], flags: Flags, command: Command) => {
      const { format, lang } = wordsContext(command)
      const now = Date.now()
      const checked = checkTemplates({
        files,
        environment: process.env,
        notification:
          flags.data === undefined
            ? testNotification('oncall', { id: 'check', externalUrl: 'http://127.0.0.1:9700', now })
            : notificationOf(readGiven(flags.data), now),
        form: flags.html === true ? 'html' : 'text',
        ...(flags.text === undefined ? {} : { text: flags.text }),
      })
      const { rendered } = checked
      if (format === 'json') process.stdout.write(`${JSON.stringify(checked, null, 2)}\n`)
      else {
        for (const one of checked.files) process.stdout.write(textOf(one, lang))
        if (rendered !== null) process.stdout.write(`${rendered.output ?? rendered.fault}\n`)
      }
      const failed = checked.files.some(({ good }) => !good) || (rendered !== null && rendered.fault !== null)
      if (failed) process.exitCode = exitCodes.failed
    })
}

function textOf({ file, good, faults, warnings, messages }: CheckedFile, lang: Language): string {
  const verdict = good
    ? { en: `${file}: good`, zh: `${file}:有效` }
    : { en: `${file}: refused, ${faults.length} faults`, zh: `${file}:无效,${faults.length} 处错误` }
  const shown = messages.map(({ channel, message }) => `--- ${channel}\n${message}`)
  const said = warnings.map((words) => `${say(lang, { en: 'warning', zh: '警告' })}: ${words}`)
  return `${[...faults, ...said, say(lang, verdict), ...shown].join('\n')}\n`
}
