// The kinds of receiver that Alertmanager knows and this version does not deliver to (of Slack: those with an application's token), as a table:
// which keys an entry may have, which it must, and where `global` stands in. A file that Alertmanager refuses is refused here for the same reason; one it takes is taken, and each entry
// is named in a warning (undelivered.ts).

export type UndeliveredKind = {
  /** Besides `send_resolved` and `http_config`. A name behind `+` has a twin that ends in `_file`; at most one of the two may be set. */
  readonly keys: string
  /** Each list: at least one of these keys, here or in `global`. */
  readonly needs?: readonly (readonly string[])[]
  /** Key of the entry → key of `global` that is taken when the entry has neither it nor its twin. */
  readonly global?: Readonly<Record<string, string>>
  /** An entry without any key is read as one with none set; elsewhere it is a fault. */
  readonly mayBeEmpty?: boolean
  readonly oneOf?: Readonly<Record<string, readonly string[]>>
  readonly instead?: string
}

const hook: UndeliveredKind = { keys: '+webhook_url title text', needs: [['webhook_url']] }

export const undeliveredKinds: Readonly<Record<string, UndeliveredKind>> = {
  discord: { ...hook, keys: '+webhook_url content title message username avatar_url' },
  incidentio: { keys: '+url +alert_source_token max_alerts timeout', needs: [['url']] },
  jira: {
    keys: `template enable_update api_url api_type project summary description labels priority issue_type reopen_transition
      resolve_transition wont_fix_resolution reopen_duration fields`,
    needs: [['project'], ['issue_type'], ['api_url']],
    global: { api_url: 'jira_api_url' },
    oneOf: { api_type: ['auto', 'cloud', 'datacenter'] },
  },
  mattermost: {
    keys: `+webhook_url channel username text fallback color pretext author_name author_link author_icon title title_link fields
      thumb_url footer footer_icon image_url icon_url icon_emoji attachments type props priority`,
    needs: [['webhook_url']],
    global: { webhook_url: 'mattermost_webhook_url' },
  },
  msteams: { ...hook, keys: '+webhook_url title summary text' },
  msteamsv2: hook,
  opsgenie: {
    keys: '+api_key api_url message description source details entity responders actions tags note priority update_alerts',
    needs: [['api_key']],
    global: { api_key: 'opsgenie_api_key', api_url: 'opsgenie_api_url' },
    mayBeEmpty: true,
  },
  pagerduty: {
    keys: `+service_key +routing_key url client client_url description details images links source severity class component group
      timeout`,
    needs: [['service_key', 'routing_key']],
    global: { url: 'pagerduty_url' },
  },
  pushover: {
    keys: '+user_key +token title message url url_title device sound priority retry expire ttl html monospace',
    needs: [['user_key'], ['token']],
  },
  rocketchat: {
    keys: `api_url +token_id +token channel color title title_link text fields short_fields emoji icon_url image_url thumb_url
      link_names actions`,
    needs: [['token_id'], ['token']],
    global: { token_id: 'rocketchat_token_id', token: 'rocketchat_token', api_url: 'rocketchat_api_url' },
    mayBeEmpty: true,
  },
  slack: {
    keys: `+api_url +app_token app_url channel username color title title_link pretext text message_text fields short_fields footer
      fallback callback_id icon_emoji icon_url image_url thumb_url link_names mrkdwn_in actions update_message timeout lang time_zone spill_to allow_private`,
    needs: [['api_url', 'app_token']],
    global: { api_url: 'slack_api_url', app_token: 'slack_app_token', app_url: 'slack_app_url' },
    mayBeEmpty: true,
    instead: 'use an incoming webhook',
  },
  sns: {
    keys: 'api_url sigv4 topic_arn phone_number target_arn subject message attributes use_aws_http_client',
    needs: [['target_arn', 'topic_arn', 'phone_number']],
  },
  telegram: {
    keys: 'api_url +bot_token +chat_id message_thread_id message disable_notifications parse_mode',
    needs: [['bot_token'], ['chat_id']],
    global: { bot_token: 'telegram_bot_token', api_url: 'telegram_api_url' },
    oneOf: { parse_mode: ['', 'Markdown', 'MarkdownV2', 'HTML'] },
  },
  victorops: {
    keys: '+api_key api_url routing_key message_type state_message entity_display_name monitoring_tool custom_fields',
    needs: [['routing_key'], ['api_key']],
    global: { api_key: 'victorops_api_key', api_url: 'victorops_api_url' },
  },
  webex: { keys: 'api_url message room_id', needs: [['room_id']], global: { api_url: 'webex_api_url' } },
  wechat: {
    keys: '+api_secret corp_id message api_url to_user to_party to_tag agent_id message_type',
    needs: [['api_secret'], ['corp_id']],
    global: { api_secret: 'wechat_api_secret', corp_id: 'wechat_api_corp_id', api_url: 'wechat_api_url' },
    mayBeEmpty: true,
    oneOf: { message_type: ['text', 'markdown'] },
    instead: 'use wecom_configs with a group robot',
  },
}

/** Of a Slack entry that is delivered: these change nothing. */
export const slackIdleKeys: readonly string[] =
  'app_token app_token_file app_url actions update_message http_config'.split(' ')

/** Keys of `global` that only these kinds read. */
export const undeliveredGlobalKeys: readonly string[] = [
  ...new Set(
    Object.values(undeliveredKinds).flatMap(({ keys, global = {} }) =>
      Object.entries(global).flatMap(([key, name]) => (keys.includes(`+${key}`) ? [name, `${name}_file`] : [name])),
    ),
  ),
]
