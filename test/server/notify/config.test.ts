// The Alertmanager file: what is read, what is refused by name and place, and that no fault tells a secret.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import * as path from 'node:path'
import { describe, expect, it } from 'vitest'
import { matchersText } from '../../../server/dispatch/matcher-text.ts'
import { loadAlertmanagerConfig } from '../../../server/notify/config.ts'
import { load, receiverFile, testDeps } from './deps.ts'
import { notification } from './sample.ts'

const faults = (text: string, files = {}, environment = {}): string => {
  try {
    load(text, files, environment)
  } catch (error) {
    return (error as Error).message
  }
  return 'no fault'
}
const where = '/etc/inferward/alertmanager.yml'

describe('a file', () => {
  it('gives a channel for every entry, named by receiver, kind and place', () => {
    const config = load(
      [
        'global: { resolve_timeout: 7m, smtp_smarthost: "mail.example.org:587", smtp_from: a@example.org }',
        'route: { receiver: oncall, routes: [{ receiver: hooks, match: { severity: info } }] }',
        'receivers:',
        '  - name: oncall',
        '    dingtalk_configs:',
        '      - url_file: robot.url',
        '        secret_file: /run/secrets/robot',
        '      - url: https://oapi.dingtalk.com/robot/send?access_token=abc',
        '        send_resolved: false',
        '    email_configs: [{ to: ops@example.org }]',
        '    slack_configs: []',
        '  - name: hooks',
        '    webhook_configs: [{ url: "https://hooks.example.org/a" }]',
        '    wecom_configs:',
        '  - name: nobody',
      ].join('\n'),
      {
        '/etc/inferward/robot.url': 'https://oapi.dingtalk.com/robot/send?access_token=abc\n',
        '/run/secrets/robot': 'SECx\n',
      },
    )
    expect(config.receivers).toEqual(['oncall', 'hooks', 'nobody'])
    expect(config.resolveTimeoutMs).toBe(420_000)
    expect(config.route.receiver).toBe('oncall')
    const channels = config.channels(testDeps())
    expect(channels.map(({ name, kind, receiver, sendResolved }) => [name, kind, receiver, sendResolved])).toEqual([
      ['oncall/dingtalk[0]', 'dingtalk', 'oncall', true],
      ['oncall/dingtalk[1]', 'dingtalk', 'oncall', false],
      ['oncall/email[0]', 'email', 'oncall', false],
      ['hooks/webhook[0]', 'webhook', 'hooks', true],
    ])
    expect(channels[0]!.preview(notification())).toContain('&sign=***')
    expect(channels[1]!.preview(notification())).not.toContain('sign')
  })

  it('has inhibit rules in any of the three spellings', () => {
    const rules = [
      'inhibit_rules:',
      '  - { name: gpu, source_match: { a: 1, b: }, target_match_re: { c: "x|y" }, equal: [host, host, engine] }',
      "  - { source_matchers: [a='b', c!=d], target_matchers: }",
      '',
    ].join('\n')
    const config = load(receiverFile('    webhook_configs: []', rules))
    const text = config.inhibitRules.map(({ name, source, target, equal }) => [
      name,
      matchersText(source),
      matchersText(target),
      equal,
    ])
    expect(text).toEqual([
      ['gpu', '{a="1",b=""}', '{c=~"x|y"}', ['engine', 'host']],
      ['', `{a="'b'",c!="d"}`, '{}', []],
    ])
    expect(load(receiverFile('    webhook_configs: []', 'inhibit_rules:\n')).inhibitRules).toEqual([])
  })

  it('may set receiver keys over the global ones of mail', () => {
    const globals = 'global: { smtp_smarthost: "mail.example.org:587", smtp_from: a@example.org, smtp_hello: h }\n'
    const mail = (more: string) =>
      load(receiverFile(`    email_configs: [{ to: ops@example.org${more} }]`, globals)).channels(testDeps())[0]!
    expect(mail('').preview(notification())).toMatch('SMTP mail.example.org:587 (STARTTLS)\nFrom: a@example.org\n')
    expect(mail(', smarthost: "other.example.org:465", from: b@example.org').preview(notification())).toMatch(
      'SMTP other.example.org:465 (TLS)\nFrom: b@example.org\n',
    )
  })
})

describe('a fault', () => {
  const dingtalk = (lines: string): string => receiverFile(`    dingtalk_configs:\n      - ${lines}`)
  const robot = 'url: https://oapi.dingtalk.com/robot/send?access_token=abc'
  it.each([
    [
      'Slack without an address',
      receiverFile('    slack_configs: [{ channel: x }]'),
      ':5:21: receivers[0].slack_configs[0].api_url: no address: set api_url or api_url_file here',
    ],
    [
      'wechat',
      receiverFile('    wechat_configs: [{}]'),
      ':5:5: receivers[0].wechat_configs: not in this version; use wecom_configs',
    ],
    [
      'pagerduty',
      receiverFile('    pagerduty_configs: [{}]'),
      ':5:5: receivers[0].pagerduty_configs: not in this version; use webhook_configs',
    ],
    [
      'templates',
      receiverFile('    webhook_configs: []', 'templates: [a.tmpl]\n'),
      ':1:1: templates: not in this version',
    ],
    [
      'a key of an inhibit rule that does not exist',
      receiverFile('    webhook_configs: []', 'inhibit_rules: [{ source_match: { a: b }, equals: [host] }]\n'),
      ':1:43: inhibit_rules[0].equals: unknown key, did you mean "equal"?',
    ],
    [
      'a pattern of an inhibit rule',
      receiverFile('    webhook_configs: []', 'inhibit_rules: [{ target_matchers: ["a=~("] }]\n'),
      ':1:37: inhibit_rules[0].target_matchers[0]: not a regular expression: "("',
    ],
    [
      'time intervals',
      receiverFile('    webhook_configs: []', 'time_intervals: [{ name: x }]\n'),
      ':1:1: time_intervals: not in this version',
    ],
    [
      'a proxy',
      receiverFile('    webhook_configs: []', 'global: { http_config: { proxy_url: x } }\n'),
      ':1:11: global.http_config: not in this version',
    ],
    [
      'a mistyped key',
      dingtalk(`${robot}\n        keywrod: x`),
      ':7:9: receivers[0].dingtalk_configs[0].keywrod: unknown key, did you mean "keyword"?',
    ],
    [
      'a mistyped kind',
      receiverFile('    dingtalk_config: []'),
      ':5:5: receivers[0].dingtalk_config: unknown key, did you mean "dingtalk_configs"?',
    ],
    ['no address', dingtalk('keyword: x'), ':6:9: receivers[0].dingtalk_configs[0]: url or url_file is missing'],
    [
      'no token',
      dingtalk('url: https://oapi.dingtalk.com/robot/send'),
      ':6:9: receivers[0].dingtalk_configs[0].url: the URL has no access_token',
    ],
    [
      'another scheme',
      dingtalk('url: ftp://oapi.dingtalk.com/x'),
      ':6:9: receivers[0].dingtalk_configs[0].url: not an http or https URL',
    ],
    [
      'a metadata address',
      receiverFile('    webhook_configs:\n      - url: http://169.254.169.254/latest'),
      ':6:9: receivers[0].webhook_configs[0].url: refused: 169.254.169.254 is the address of a cloud metadata service',
    ],
    [
      'both',
      dingtalk(`${robot}\n        url_file: x`),
      ':7:9: receivers[0].dingtalk_configs[0].url_file: both url and url_file are set',
    ],
    [
      'a missing file',
      dingtalk('url_file: gone'),
      ':6:9: receivers[0].dingtalk_configs[0].url_file: the file cannot be read (ENOENT): gone',
    ],
    [
      'a variable that is not set',
      dingtalk('url: $' + '{ROBOT}'),
      ':6:9: receivers[0].dingtalk_configs[0].url: environment variable ROBOT is not set',
    ],
    [
      'a mention on a card',
      dingtalk(`${robot}\n        message_type: action_card\n        mentions: { all: true }`),
      ':8:9: receivers[0].dingtalk_configs[0].mentions: an action_card calls nobody',
    ],
    [
      '51 people',
      dingtalk(
        `${robot}\n        mentions: { mobiles: [${Array.from({ length: 51 }, (_, n) => 13800000000 + n).join(', ')}] }`,
      ),
      ':7:9: receivers[0].dingtalk_configs[0].mentions: at most 50 people',
    ],
    [
      'a mobile in Markdown',
      receiverFile(
        '    wecom_configs:\n      - key: 693a91f6-7xxx-4bc4-97a0\n        mentions: { mobiles: [13800000000] }',
      ),
      ':7:9: receivers[0].wecom_configs[0].mentions: markdown calls people by user_ids only',
    ],
    [
      'a time zone',
      dingtalk(`${robot}\n        time_zone: Mars/Base`),
      ':7:9: receivers[0].dingtalk_configs[0].time_zone: not a time zone',
    ],
    [
      'a mail without a server',
      receiverFile('    email_configs: [{ to: a@b.example }]'),
      ':5:21: receivers[0].email_configs[0].smarthost: no mail server',
    ],
    [
      'a mail without an address',
      receiverFile('    email_configs: [{ to: somebody }]'),
      ':5:23: receivers[0].email_configs[0].to: not a mail address',
    ],
    [
      'a password in the clear',
      receiverFile(
        '    email_configs:\n      - { to: a@b.example, from: c@d.example, smarthost: "m.example:25", auth_username: u, auth_password: p, require_tls: false }',
      ),
      'require_tls: the password would cross the network unencrypted',
    ],
    [
      'a receiver nobody defined',
      receiverFile('    webhook_configs: []').replace('receiver: oncall', 'receiver: onccall'),
      ':2:3: route.receiver: receiver "onccall" is not defined under receivers, did you mean "oncall"?',
    ],
    [
      'a receiver twice',
      `${receiverFile('    webhook_configs: []')}  - name: oncall\n`,
      ':6:5: receivers[1].name: receiver "oncall" is defined twice',
    ],
    ['no route', 'receivers: [{ name: a }]', ':1:1: route: '],
    ['no YAML', 'route: [', 'not valid YAML'],
    ['a list', '- a', ':1:1: '],
  ])('about %s says where and what', (_, text, expected) => {
    const message = faults(text)
    expect(message).toContain(expected)
    for (const line of message.split('\n')) expect(line).toMatch(new RegExp(`^${where}:\\d+:\\d+: `))
  })

  it('is told with all others at once', () => {
    const text = receiverFile('    sns_configs: [{}]\n    dingtalk_configs: [{ url: x }]', 'templates: [x]\n')
    expect(faults(text).split('\n')).toHaveLength(3)
  })

  it.each([
    ['a URL with a bad scheme', '- url: canary://canary-token', {}],
    ['a URL without a token', '- url: https://h.example/robot/send?canary=canary-token', {}],
    ['a metadata URL', '- url: http://169.254.169.254/canary-token?access_token=canary', {}],
    ['a secret of the wrong type', '- url: [canary-token]', {}],
    ['a URL file with rubbish', '- url_file: robot.url', { '/etc/inferward/robot.url': 'canary-token\nmore' }],
    [
      'a second secret',
      '- { url: "https://h.example/?access_token=canary-token", url_file: x, secret: canary, secret_file: y }',
      {},
    ],
  ])('about %s does not tell it', (_, line, files) => {
    const message = faults(receiverFile(`    dingtalk_configs:\n      ${line}`), files)
    expect(message).not.toBe('no fault')
    expect(message).not.toMatch(/canary/)
  })
})

describe('secrets', () => {
  it('are not in the configuration that was read, however it is printed', () => {
    const url = 'https://oapi.dingtalk.com/robot/send?access_token=canary-token'
    const config = load(receiverFile(`    dingtalk_configs:\n      - url: ${url}\n        secret: canary-secret`))
    const channels = config.channels(testDeps())
    const printed = JSON.stringify([config, channels, channels.map((one) => one.preview(notification()))])
    expect(printed).not.toContain('canary')
  })
})

const upstream = path.resolve(import.meta.dirname, '../../../../shared/conformance/alertmanager')
/** Why a file is refused; null = it loads. */
const expected: Readonly<Record<string, readonly string[] | null>> = {
  'conf.group-by-all.yml': null,
  'cli-testdata-conf.good.yml': ['templates: not in this version'],
  'conf.routing.yml': ['templates: not in this version'],
  'conf.routing-reverted.yml': ['templates: not in this version'],
  'conf.empty-fields.yml': ['templates: not in this version'],
  'conf.bad.yml': ['expected object'],
  'conf.nil-match_re-route.yml': ['route.routes[0].match_re.invalid_label: '],
  'conf.nil-source_match_re-inhibition.yml': ['inhibit_rules[0].source_match_re.invalid_source_label: '],
  'conf.nil-target_match_re-inhibition.yml': ['inhibit_rules[0].target_match_re.invalid_target_label: '],
  'conf.slack-both-file-and-url.yml': ['both slack_api_url and slack_api_url_file are set'],
  'conf.smtp-both-password-and-file.yml': ['both smtp_auth_password and smtp_auth_password_file are set'],
  'conf.wechat-no-api-secret.yml': ['receivers[0].wechat_configs: not in this version; use wecom_configs'],
  'config-testdata-conf.good.yml': ['pagerduty_configs: not in this version', 'victorops_configs', 'opsgenie_configs'],
  'simple.yml': [
    'templates: ',
    'pagerduty_configs: not in this version; use webhook_configs',
    'tracing: not in this version',
  ],
}

describe.skipIf(!existsSync(upstream))('files of Alertmanager, read in place', () => {
  const read = (name: string, edit = (text: string) => text) =>
    loadAlertmanagerConfig({
      file: name,
      text: edit(readFileSync(path.join(upstream, name), 'utf8')),
      readFile: (file) => readFileSync(file, 'utf8'),
      environment: {},
    })

  it('are all known here', () => {
    expect(readdirSync(upstream).sort()).toEqual(Object.keys(expected).sort())
  })

  it.each(Object.entries(expected))('%s loads, or is refused for the named reason', (name, reasons) => {
    if (reasons === null) return expect(read(name).receivers).toEqual(['team-X'])
    for (const reason of reasons) expect(() => read(name)).toThrow(reason)
  })

  // The same files without the parts that this version names as missing: then nothing else may be in the way.
  const without = (text: string, ...keys: readonly string[]): string =>
    keys.reduce((rest, key) => rest.replace(new RegExp(`^( *)${key}:.*\\n(?:\\1[ -].*\\n|\\s*\\n)*`, 'gm'), ''), text)
  it.each([
    { name: 'cli-testdata-conf.good.yml', receivers: 1 },
    { name: 'conf.routing.yml', receivers: 3 },
    { name: 'conf.routing-reverted.yml', receivers: 3 },
    { name: 'conf.empty-fields.yml', receivers: 1 },
  ])('$name loads once what is named is taken out', ({ name, receivers }) => {
    const config = read(name, (text) => without(text, 'templates'))
    expect(config.receivers).toHaveLength(receivers)
  })
})
