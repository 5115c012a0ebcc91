// Keys of an Alertmanager configuration that this version does not do. Each is refused by its name: a file that was accepted and then half
// ignored would page nobody on the night it matters. A table, one line a key.

import { notYet } from './channel-config.ts'

type Refused = Readonly<Record<string, ReturnType<typeof notYet>>>

const refusing = (keys: readonly string[], instead: string): Refused =>
  Object.fromEntries(keys.map((key) => [key, notYet(instead)]))

export const refusedReceiverKeys: Refused = {
  ...refusing(
    [
      'pagerduty_configs',
      'opsgenie_configs',
      'victorops_configs',
      'pushover_configs',
      'telegram_configs',
      'discord_configs',
      'sns_configs',
      'webex_configs',
      'msteams_configs',
      'msteamsv2_configs',
      'jira_configs',
      'rocketchat_configs',
      'mattermost_configs',
      'incidentio_configs',
    ],
    'use webhook_configs',
  ),
  wechat_configs: notYet('use wecom_configs with a group robot'),
}

export const refusedGlobalKeys: Refused = {
  ...refusing(
    [
      'slack_app_token',
      'slack_app_token_file',
      'slack_app_url',
      'pagerduty_url',
      'opsgenie_api_url',
      'opsgenie_api_key',
      'opsgenie_api_key_file',
      'victorops_api_url',
      'victorops_api_key',
      'victorops_api_key_file',
      'telegram_api_url',
      'telegram_bot_token',
      'telegram_bot_token_file',
      'webex_api_url',
      'jira_api_url',
      'rocketchat_api_url',
      'rocketchat_token',
      'rocketchat_token_file',
      'rocketchat_token_id',
      'rocketchat_token_id_file',
      'mattermost_webhook_url',
      'mattermost_webhook_url_file',
    ],
    'remove it and use webhook_configs',
  ),
  ...refusing(
    ['wechat_api_url', 'wechat_api_secret', 'wechat_api_secret_file', 'wechat_api_corp_id'],
    'remove it and use wecom_configs',
  ),
  smtp_force_implicit_tls: notYet('port 465 is TLS from the first byte, every other port STARTTLS'),
  http_config: notYet('put user and password into the URL, or sign with secret_file'),
}

export const refusedTopKeys: Refused = {
  templates: notYet('messages are written by the program; choose their language with lang'),
  tracing: notYet('tracing is set in the configuration of the server'),
}
