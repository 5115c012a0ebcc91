// What the channels of these tests are opened with: the real HTTP client over loopback, a clock that stands still.

import { virtualClock } from '../../../core/base/virtual-clock.ts'
import type { AlertmanagerConfig } from '../../../server/notify/config.ts'
import { loadAlertmanagerConfig } from '../../../server/notify/config.ts'
import { openPost } from '../../../server/notify/http-post.ts'
import { at } from './sample.ts'

export const never = new AbortController().signal

export function testDeps() {
  const clock = virtualClock(at)
  return { clock, post: openPost(clock) }
}

/** A file with one receiver `oncall` that has `lines` beneath its name. */
export function receiverFile(lines: string, globals = ''): string {
  return `${globals}route:\n  receiver: oncall\nreceivers:\n  - name: oncall\n${lines}\n`
}

export function load(text: string, files: Readonly<Record<string, string>> = {}, environment = {}): AlertmanagerConfig {
  return loadAlertmanagerConfig({
    file: '/etc/inferward/alertmanager.yml',
    text,
    environment,
    readFile(path) {
      const found = files[path]
      if (found === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' })
      return found
    },
  })
}
