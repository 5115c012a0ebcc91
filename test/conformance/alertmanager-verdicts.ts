// What Alertmanager says of its own test files: null = it loads; else the reason why not. Names are those of its repository; a file may carry
// the name of its folder in front. Reasons are kinds of fault, each with how Alertmanager and how we word it.

export type Reason = keyof typeof reasons

export const reasons = {
  'two sources of one secret': [/at most one of \S+ & /, /both \w+ and \w+ are set/],
  'a needed key is missing': [
    /no global|no Slack API URL|^missing (?!name)|\bmissing (?:\w+|\S+ or \S+) (?:on|in)|must provide|URLFile provided|must be configured/,
    /no \w+(?: or \w+)*: set|holds nothing|is missing|no mail server|no sender/,
  ],
  'a key that needs another': [/can only be used with/, /only with a bot token/],
  'no configuration': [/no routes? provided|cannot unmarshal !!str/, /expected object|route: /],
  'an unknown key': [/field \w+ not found/, /unknown key/],
  'an undefined receiver': [/undefined receiver/, /receiver ".*" is not defined/],
  'an undefined time interval': [
    /undefined time interval|Undefined time interval/,
    /time interval ".*" is not defined/,
  ],
  'a name twice': [/is not unique/, /is defined twice/],
  'a name missing': [/missing name/, /needs a name/],
  'the root route': [/root route|cannot have continue/, /root route/],
  'a label of a group': [/group_by/, /group_by/],
  'an interval of zero': [/cannot be zero/, /must be longer than zero/],
  'a pattern': [/invalid regexp value|error parsing regexp/, /regular expression/],
  'a label name': [/invalid label name/, /label name/],
  'a matcher': [/bad matcher format|unexpected|expected/, /matcher|expected/],
  'a duration': [/not a valid duration/, /not a duration/],
  'a time': [/timestamp|start time|start day|end day|end month|end year|not a valid|time zone/, /time|start|day|month/],
} as const satisfies Readonly<Record<string, readonly [theirs: RegExp, ours: RegExp]>>

const twice: Reason = 'two sources of one secret'
const needed: Reason = 'a needed key is missing'

export const verdicts: Readonly<Record<string, Reason | null>> = {
  'conf.bad.yml': 'no configuration',
  'conf.good.yml': null,
  'conf.empty-fields.yml': null,
  'conf.group-by-all.yml': null,
  'conf.http-config.good.yml': null,
  'conf.mattermost-both-webhook-url-and-file.yml': twice,
  'conf.mattermost-default-webhook-url-file.yml': null,
  'conf.mattermost-default-webhook-url.yml': null,
  'conf.mattermost-no-webhook-url.yml': needed,
  'conf.mattermost-valid-receiver-both-webhook-url-and-file.yml': twice,
  'conf.nil-match_re-route.yml': 'a pattern',
  'conf.nil-source_match_re-inhibition.yml': 'a pattern',
  'conf.nil-target_match_re-inhibition.yml': 'a pattern',
  'conf.opsgenie-both-file-and-apikey.yml': twice,
  'conf.opsgenie-default-apikey-file.yml': null,
  'conf.opsgenie-default-apikey-old-team.yml': 'an unknown key',
  'conf.opsgenie-default-apikey.yml': null,
  'conf.opsgenie-no-apikey.yml': needed,
  'conf.rocketchat-both-token-and-tokenfile.yml': twice,
  'conf.rocketchat-both-tokenid-and-tokenidfile.yml': twice,
  'conf.rocketchat-default-token-file.yml': null,
  'conf.rocketchat-default-token.yml': null,
  'conf.rocketchat-no-token.yml': needed,
  'conf.routing.yml': null,
  'conf.routing-reverted.yml': null,
  'conf.slack-both-file-and-token.yml': twice,
  'conf.slack-both-file-and-url.yml': twice,
  'conf.slack-both-url-and-token.yml': twice,
  'conf.slack-default-api-url-file.yml': null,
  'conf.slack-default-app-token.yml': null,
  'conf.slack-no-api-url-or-token.yml': needed,
  'conf.slack-update-message-and-webhook.yml': 'a key that needs another',
  'conf.smtp-both-password-and-file.yml': twice,
  'conf.smtp-no-username-or-password.yml': null,
  'conf.smtp-password-global-and-local.yml': null,
  'conf.sns-invalid.yml': needed,
  'conf.sns-topic-arn.yml': null,
  'conf.telegram-both-bot-token-and-file.yml': twice,
  'conf.telegram-default-bot-token-file.yml': null,
  'conf.telegram-default-bot-token.yml': null,
  'conf.telegram-no-bot-token.yml': needed,
  'conf.telegram-valid-receiver-both-bot-token-and-file.yml': twice,
  'conf.victorops-both-file-and-apikey.yml': twice,
  'conf.victorops-default-apikey-file.yml': null,
  'conf.victorops-default-apikey.yml': null,
  'conf.victorops-no-apikey.yml': needed,
  'conf.wechat-both-file-and-secret.yml': twice,
  'conf.wechat-default-api-secret-file.yml': null,
  'conf.wechat-no-api-secret.yml': needed,
  'route_labels.yml': null,
  'simple.yml': null,
}

export function verdictOf(file: string): Reason | null | undefined {
  const name = file.replace(/^(?:(?:cli|config)-testdata|doc-examples)-/, '')
  return Object.hasOwn(verdicts, name) ? verdicts[name] : undefined
}

export const reasonsIn = (text: string, side: 'theirs' | 'ours'): readonly Reason[] =>
  (Object.keys(reasons) as Reason[]).filter((one) => reasons[one][side === 'theirs' ? 0 : 1].test(text))
