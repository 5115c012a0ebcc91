// The file that `alertmanager_config` names: Alertmanager's own format with receiver kinds of our own beside its. It loads as it is: every fault
// is told at once with its place, and what is read and not acted on is named in a warning.

import * as path from 'node:path'
import { z } from 'zod'
import { parseConfig } from '../../core/base/config.ts'
import { duration } from '../../core/base/schema.ts'
import type { Channel } from '../dispatch/channel.ts'
import { type InhibitRule, inhibitRulesSchema } from '../dispatch/inhibit-config.ts'
import { checkRoute, type RouteConfig, routeSchema } from '../dispatch/route-config.ts'
import { type NamedIntervals, timeIntervalsSchema } from '../dispatch/time-interval-config.ts'
import { dingtalkChannel, dingtalkConfig } from './channel/dingtalk.ts'
import { emailChannel } from './channel/email.ts'
import { feishuChannel, feishuConfig } from './channel/feishu.ts'
import { remedyChannel, remedyConfig } from './channel/remedy.ts'
import { mergeSlack, type SlackConfig, slackChannel, slackConfig } from './channel/slack.ts'
import { webhookChannel, webhookConfig } from './channel/webhook.ts'
import { wecomChannel, wecomConfig } from './channel/wecom.ts'
import { type ChannelDeps, withActions } from './channel-config.ts'
import { type EmailConfig, emailReceiver, mergeEmail, type SmtpGlobal, smtpGlobalKeys } from './email-config.ts'
import { fileName, type SecretFiles, secretText, takeSecret, takeUrl } from './secret-field.ts'
import { wrongSpills } from './spill-target.ts'
import type { Sources } from './template/field.ts'
import { loadTemplates } from './template/template-set.ts'
import {
  checkUndelivered,
  idleGlobalKeys,
  idleTopKeys,
  slackByToken,
  undeliveredGlobal,
  undeliveredReceiverKeys,
  undeliveredWarnings,
} from './undelivered.ts'

const list = <T extends z.ZodType>(item: T) =>
  z
    .array(item)
    .nullish()
    .transform((items) => items ?? [])

const globalSchema = (files: SecretFiles) =>
  z
    .object({
      resolve_timeout: duration.prefault('5m'),
      ...smtpGlobalKeys(files),
      slack_api_url: secretText,
      slack_api_url_file: fileName,
      ...undeliveredGlobal,
      ...idleGlobalKeys,
    })
    .strict()
    .nullish()
    .transform((given, context) => {
      const raw = given ?? { resolve_timeout: 300_000, smtp_require_tls: true }
      const smtp: SmtpGlobal = {
        from: raw.smtp_from ?? '',
        hello: raw.smtp_hello ?? '',
        smarthost: raw.smtp_smarthost,
        username: raw.smtp_auth_username ?? '',
        password: takeSecret(context, raw, 'smtp_auth_password', files),
        secret: takeSecret(context, raw, 'smtp_auth_secret', files),
        requireTls: raw.smtp_require_tls,
        tls: raw.smtp_tls_config,
      }
      return {
        resolveTimeoutMs: raw.resolve_timeout,
        smtp,
        slackUrl: takeUrl(context, raw, 'slack_api_url', files),
        raw: raw as Readonly<Record<string, unknown>>,
      }
    })

const receiverSchema = (files: Sources) =>
  z
    .object({
      name: z.string({ error: 'a receiver needs a name' }).min(1, 'a receiver needs a name'),
      labels: z.record(z.string().min(1), z.string()).nullish(),
      dingtalk_configs: list(dingtalkConfig(files)),
      wecom_configs: list(wecomConfig(files)),
      remedy_configs: list(remedyConfig),
      feishu_configs: list(feishuConfig(files)),
      slack_configs: list(z.preprocess((given) => given ?? {}, slackConfig(files))),
      webhook_configs: list(webhookConfig(files)),
      email_configs: list(emailReceiver(files)),
      ...undeliveredReceiverKeys,
    })
    .strict()

function fileSchema(files: Sources) {
  return z
    .object({
      global: globalSchema(files),
      route: routeSchema,
      inhibit_rules: inhibitRulesSchema,
      receivers: list(receiverSchema(files)),
      time_intervals: timeIntervalsSchema,
      mute_time_intervals: timeIntervalsSchema,
      // Here, so that they are told beside the faults of receivers.
      templates: list(z.string()).superRefine((_, context) => {
        for (const message of files.templates.faults) context.addIssue({ code: 'custom', message })
      }),
      ...idleTopKeys,
    })
    .strict()
    .transform((raw, context) => {
      const fault = (at: readonly PropertyKey[], message: string): void =>
        context.addIssue({ code: 'custom', path: [...at], message })
      const names = raw.receivers.map((receiver) => receiver.name)
      names.forEach((name, index) => {
        if (names.indexOf(name) !== index) fault(['receivers', index, 'name'], `receiver "${name}" is defined twice`)
      })
      raw.receivers.forEach(({ name, labels }, index) => {
        if (labels?.name !== undefined && labels.name !== name)
          fault(['receivers', index, 'labels', 'name'], `this label is always the receiver's name, "${name}"`)
      })
      const intervals = [...raw.mute_time_intervals, ...raw.time_intervals]
      const intervalNames = intervals.map((one) => one.name)
      intervalNames.forEach((name, index) => {
        if (intervalNames.indexOf(name) === index) return
        const old = raw.mute_time_intervals.length
        const at = index < old ? ['mute_time_intervals', index] : ['time_intervals', index - old]
        fault([...at, 'name'], `time interval "${name}" is defined twice`)
      })
      for (const one of checkRoute(raw.route, names, intervalNames)) fault(['route', ...one.path], one.message)
      checkUndelivered(raw.receivers, raw.global.raw, fault)
      const receivers = raw.receivers.map((receiver, index) => ({
        name: receiver.name,
        dingtalk: receiver.dingtalk_configs,
        wecom: receiver.wecom_configs,
        feishu: receiver.feishu_configs,
        remedy: receiver.remedy_configs,
        slack: receiver.slack_configs.flatMap((one, at): readonly (SlackConfig & { at: number })[] => {
          if (slackByToken(one.raw, raw.global.raw)) return []
          const merged = mergeSlack(one, raw.global.slackUrl)
          return merged === null ? [] : [{ ...merged, at }]
        }),
        webhook: receiver.webhook_configs,
        email: receiver.email_configs.flatMap((mail, at): readonly EmailConfig[] => {
          const path = ['receivers', index, 'email_configs', at]
          const merged = mergeEmail(mail, raw.global.smtp, (key, message) => fault([...path, key], message))
          return merged === null ? [] : [merged]
        }),
      }))
      raw.receivers.forEach((_, index) => {
        for (const one of wrongSpills(receivers, index)) fault(['receivers', index, ...one.path], one.message)
      })
      return {
        route: raw.route,
        intervals,
        warnings: [
          ...files.templates.warnings,
          ...undeliveredWarnings({ top: raw, global: raw.global.raw, receivers: raw.receivers }),
        ],
        labels: raw.receivers.map((receiver) => ({ ...receiver.labels, name: receiver.name })),
        inhibitRules: raw.inhibit_rules,
        resolveTimeoutMs: raw.global.resolveTimeoutMs,
        receivers,
      }
    })
}

const templatesOnly = z.unknown().transform((raw): readonly string[] => {
  const named = (raw as { readonly templates?: unknown } | null)?.templates
  return Array.isArray(named) ? named.filter((one) => typeof one === 'string') : []
})

export type AlertmanagerConfig = {
  /** Checked: pass it to `buildRoutes`. */
  readonly route: RouteConfig
  readonly inhibitRules: readonly InhibitRule[]
  /** How long a posted alert without an end goes on. */
  readonly resolveTimeoutMs: number
  readonly receivers: readonly string[]
  /** For `buildRoutes`. */
  readonly intervals: readonly NamedIntervals[]
  /** Labels of each receiver, its name among them. */
  readonly receiverLabels: readonly Readonly<Record<string, string>>[]
  /** What the file asks for and does not get, one line each. */
  readonly warnings: readonly string[]
  /** A channel for every entry of every receiver. Opens no connection. */
  channels(deps: ChannelDeps): readonly Channel[]
}

/** Throws `config.invalid` with every fault as `file:line:col: path: message`. `*_file` names are relative to the folder of `file`. */
export function loadAlertmanagerConfig(options: {
  readonly file: string
  readonly text: string
  /** As `readFileSync(path, 'utf8')`: throws when it cannot. */
  readonly readFile: (path: string) => string
  /** Names in a folder, as `readdirSync`: for the patterns of `templates:`, which match nothing without. */
  readonly listFolder?: (path: string) => readonly string[]
  /** Told of every message that went out in the program's words because a template failed. */
  readonly onTemplateFault?: () => void
  readonly environment: Readonly<Record<string, string | undefined>>
}): AlertmanagerConfig {
  const folder = path.dirname(options.file)
  const { file, text, environment } = options
  // The templates come first: the texts of receivers are checked against them. What is wrong with the list itself is told with the rest.
  const patterns = parseConfig({ file, text, environment, schema: templatesOnly })
  const templates = loadTemplates({
    patterns,
    folder,
    files: { read: options.readFile, list: options.listFolder ?? (() => []) },
    ...(options.onTemplateFault === undefined ? {} : { onFault: options.onTemplateFault }),
  })
  const sources: Sources = { read: (name) => options.readFile(path.resolve(folder, name)), templates }
  const parsed = parseConfig({ file, text, environment, schema: fileSchema(sources) })
  return {
    route: parsed.route,
    inhibitRules: parsed.inhibitRules,
    resolveTimeoutMs: parsed.resolveTimeoutMs,
    receivers: parsed.receivers.map((one) => one.name),
    intervals: parsed.intervals,
    receiverLabels: parsed.labels,
    warnings: parsed.warnings.map((words) => `${path.basename(file)}: ${words}`),
    channels: (deps) =>
      parsed.receivers.flatMap((one) => {
        const place = (index: number) => ({ receiver: one.name, index })
        return [
          ...one.dingtalk.map((config, index) => dingtalkChannel(place(index), withActions(config, deps), deps)),
          ...one.wecom.map((config, index) => wecomChannel(place(index), withActions(config, deps), deps)),
          ...one.feishu.map((config, index) => feishuChannel(place(index), withActions(config, deps), deps)),
          ...one.slack.map((config) => slackChannel(place(config.at), withActions(config, deps), deps)),
          ...one.remedy.map((config, index) => remedyChannel(place(index), config, deps)),
          ...one.webhook.map((config, index) => webhookChannel(place(index), config, deps)),
          ...one.email.map((config, index) => emailChannel(place(index), withActions(config, deps), deps)),
        ]
      }),
  }
}
