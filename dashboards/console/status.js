// The plain status page: engines and the newest history, asked again every two seconds. Text only ever enters as text.

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
    const [engines, events] = await Promise.all(
      ['/api/v1/engines', '/api/v1/events?order=desc&limit=30'].map(async (url) => {
        const response = await fetch(url)
        if (!response.ok) throw new Error(`HTTP ${response.status}`)
        return response.json()
      }),
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
