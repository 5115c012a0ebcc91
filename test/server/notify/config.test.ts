// The Alertmanager file: what is read, what is refused by name and place, and that no fault tells a secret.

import { describe, expect, it } from 'vitest'
import { matchersText } from '../../../server/dispatch/matcher-text.ts'
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
      ':5:21: receivers[0].slack_configs[0]: no api_url or app_token: set api_url or api_url_file or app_token or app_token_file here, or slack_api_url or slack_app_token in global',
    ],
    [
      'wechat',
      receiverFile('    wechat_configs: [{ corp_id: c, api_secret: s, message_type: html }]'),
      ':5:51: receivers[0].wechat_configs[0].message_type: one of text, markdown expected',
    ],
    [
      'an entry of pagerduty',
      receiverFile('    pagerduty_configs: [{ rooting_key: k }]'),
      ':5:27: receivers[0].pagerduty_configs[0].rooting_key: unknown key, did you mean "routing_key"?',
    ],
    [
      'nothing of pagerduty',
      receiverFile('    pagerduty_configs: [null]'),
      ':5:25: receivers[0].pagerduty_configs[0]: an entry of pagerduty_configs holds nothing',
    ],
    [
      'a global secret twice',
      receiverFile('    webhook_configs: []', 'global: { opsgenie_api_key: canary, opsgenie_api_key_file: f }\n'),
      ':1:37: global.opsgenie_api_key_file: both opsgenie_api_key and opsgenie_api_key_file are set',
    ],
    [
      'the label of a receiver',
      receiverFile('    webhook_configs: []\n    labels: { name: other }'),
      ':6:15: receivers[0].labels.name: this label is always the receiver\'s name, "oncall"',
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
      receiverFile('    webhook_configs: []', 'mute_time_intervals: [{ name: x }]\ntime_intervals: [{ name: x }]\n'),
      ':2:20: time_intervals[0].name: time interval "x" is defined twice',
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
    [
      'a second channel that is nowhere',
      dingtalk(`${robot}\n        spill_to: ops`),
      ':7:9: receivers[0].dingtalk_configs[0].spill_to: receiver "ops" is not defined under receivers',
    ],
    [
      'a second channel that is the first',
      dingtalk(`${robot}\n        spill_to: oncall`),
      ':7:9: receivers[0].dingtalk_configs[0].spill_to: a receiver cannot take over from itself',
    ],
    [
      'a second channel that reaches nobody',
      `${dingtalk(`${robot}\n        spill_to: ops`)}  - name: ops\n`,
      ':7:9: receivers[0].dingtalk_configs[0].spill_to: receiver "ops" has no channel',
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
    const text = receiverFile(
      '    slack_configs: [{}]\n    wecom_configs: [{ kye: x }]\n    dingtalk_configs: [{ url: x }]',
      'templtes: [x]\n',
    )
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

describe('what a file asks for and does not get', () => {
  it('does not keep it from loading, and is named with its place', () => {
    const config = load(
      receiverFile(
        '    slack_configs: [{ app_token: canary }, { api_url: "https://canary.example", text: t, send_resolved: true }]\n    wechat_configs: [{ corp_id: c, api_secret: canary }]\n    webhook_configs: []',
        'templates: [a.tmpl]\nglobal: { http_config: { proxy_url: x } }\n',
      ),
    )
    expect(config.warnings).toEqual([
      'alertmanager.yml: templates[0]: nothing matches a.tmpl',
      'alertmanager.yml: global.http_config: not used: requests go straight to the receiver, without a proxy; user and password may stand in a URL',
      'alertmanager.yml: receivers[0].slack_configs[0]: not delivered in this version, "oncall" gets nothing by it; use an incoming webhook',
      'alertmanager.yml: receivers[0].wechat_configs[0]: not delivered in this version, "oncall" gets nothing by it; use wecom_configs with a group robot',
    ])
    expect(config.channels(testDeps()).map((one) => one.name)).toEqual(['oncall/slack[1]'])
    expect(JSON.stringify(config)).not.toContain('canary')
  })

  it('is nothing where a file asks for nothing', () => {
    expect(load(receiverFile('    webhook_configs: []\n    slack_configs: []', 'templates: []\n')).warnings).toEqual([])
  })
})

describe('mail with a secret for CRAM-MD5', () => {
  it.each([
    ['auth_secret: s', 'CRAM-MD5'],
    ['auth_password: p, auth_secret: s', 'password'],
    ['auth_password: p', 'password'],
  ])('{ %s } signs in by %s, unencrypted only by the former', (keys, how) => {
    const text = receiverFile(
      `    email_configs:\n      - { to: a@b.example, from: c@d.example, smarthost: "m.example:25", auth_username: u, ${keys}, require_tls: false }`,
    )
    const message = faults(text)
    if (how === 'CRAM-MD5') expect(message).toBe('no fault')
    else expect(message).toContain('the password would cross the network unencrypted')
  })
})
