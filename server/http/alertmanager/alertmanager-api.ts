// Alertmanager's API, version 2, under `/alertmanager`: what amtool, Grafana, karma and other Prometheus servers ask and post.

import type { Router } from 'express'
import type { Silences } from '../../dispatch/silences.ts'
import { instant } from './alert-json.ts'
import { type AlertsApiDeps, addAlerts } from './alerts-api.ts'
import { originalConfig } from './original.ts'
import { filters, openRoutes } from './route.ts'
import { addSilences } from './silences-api.ts'

export type AlertmanagerApiDeps = AlertsApiDeps & {
  readonly silences: Silences
  readonly version: string
  readonly startedAt: number
  /** The routing file in force. */
  readonly routingText: () => string
}

export function alertmanagerApi(deps: AlertmanagerApiDeps): Router {
  const routes = openRoutes()
  addAlerts(routes, deps)
  addSilences(routes, deps)
  routes.add('/status', {
    get: {
      needs: 'read',
      handle(_request, response) {
        response.json({
          // amtool compares it with its own before every command, and warns in debug output only.
          versionInfo: {
            version: deps.version,
            revision: '',
            branch: '',
            buildUser: '',
            buildDate: '',
            goVersion: '',
          },
          config: { original: originalConfig(deps.routingText()) },
          uptime: instant(deps.startedAt),
          cluster: { name: '', status: 'disabled', peers: [] },
        })
      },
    },
  })
  routes.add('/receivers', {
    get: {
      needs: 'read',
      handle(request, response) {
        const wanted = filters(request, 'receiver_matchers')
        const rows = deps.receivers().filter((labels) => wanted.every((one) => one.matches(labels)))
        response.json(rows.map((labels) => ({ name: labels.name, labels })))
      },
    },
  })
  return routes.router
}
