// The plain status page: engines, alerts, incidents and the newest history, asked again every two seconds. Text only ever enters as text.

const zh = navigator.language.toLowerCase().startsWith('zh')
document.documentElement.lang = zh ? 'zh' : 'en'
for (const node of document.querySelectorAll('[data-en]')) node.textContent = zh ? node.dataset.zh : node.dataset.en

const fill = (table, head, rows) => {
  const line = (cells, tag) => {
    const tr = document.createElement('tr')
    for (const [text, kind] of cells) {
      const cell = document.createElement(tag)
      cell.textContent = text
      if (kind) cell.className = kind
      tr.append(cell)
    }
    return tr
  }
  table.replaceChildren(
    line(
      head.map((text) => [text]),
      'th',
    ),
    ...rows.map((row) => line(row, 'td')),
  )
}

const what = (event) => {
  if (event.kind === 'fault') return [`${event.cause}: ${event.detail}`, 'bad']
  if (event.kind === 'outcome')
    return [`${event.action}: ${event.result} ${event.reason}`, event.result === 'done' ? 'good' : '']
  if (event.kind === 'verdict') return [`${event.previous} → ${event.verdict}`]
  return [event.detail ?? event.reason ?? event.kind]
}

const refresh = async () => {
  const contact = document.getElementById('contact')
  try {
    const [engines, alerts, incidents, events] = await Promise.all(
      ['/api/v1/engines', '/api/v1/alerts', '/api/v1/incidents?limit=20', '/api/v1/events?order=desc&limit=30'].map(
        async (url) => {
          const response = await fetch(url)
          if (!response.ok) throw new Error(`HTTP ${response.status}`)
          return response.json()
        },
      ),
    )
    contact.textContent = ''
    fill(
      document.getElementById('engines'),
      zh ? ['主机', '引擎', '状态', '判断', 'PID', '地址'] : ['Host', 'Engine', 'Phase', 'Verdict', 'PID', 'Address'],
      engines.map((one) => [
        [one.host],
        [one.name],
        [one.phase, one.phase === 'serving' ? 'good' : 'bad'],
        [one.verdict],
        [one.pid ?? '–'],
        [one.url],
      ]),
    )
    fill(
      document.getElementById('alerts'),
      zh ? ['状态', '规则', '主机', '引擎', '摘要'] : ['State', 'Rule', 'Host', 'Engine', 'Summary'],
      alerts.data.alerts.map(({ state, labels, annotations }) => [
        [zh ? (state === 'firing' ? '告警中' : '等待中') : state, state === 'firing' ? 'bad' : ''],
        [labels.alertname],
        [labels.host ?? '–'],
        [labels.engine ?? '–'],
        [(zh && annotations.summary_zh) || annotations.summary || ''],
      ]),
    )
    fill(
      document.getElementById('incidents'),
      zh ? ['编号', '开始', '状态', '摘要'] : ['Id', 'Opened', 'State', 'Summary'],
      incidents.map((one) => [
        [one.id],
        [new Date(one.openedAt).toLocaleString()],
        one.closedAt === null ? [zh ? '未结束' : 'open', 'bad'] : [zh ? '已结束' : 'closed', 'good'],
        [zh ? one.summary.zh : one.summary.en],
      ]),
    )
    fill(
      document.getElementById('events'),
      zh ? ['时间', '主机', '引擎', '种类', '内容'] : ['Time', 'Host', 'Engine', 'Kind', 'What'],
      events.map((one) => [
        [new Date(one.at).toLocaleString()],
        [one.host],
        [one.engine ?? '–'],
        [one.kind],
        what(one),
      ]),
    )
  } catch (error) {
    contact.textContent = `${zh ? '服务端没有应答' : 'The server does not answer'}: ${error.message}`
  }
  setTimeout(refresh, 2000)
}
refresh()
