// One alert as a WeCom card (`text_notice`): title, the value large, up to six rows, up to three links. Its maker advises lengths in characters;
// what is longer would be cut on the phone without a mark, so it is cut here with one.

import { byteLength, cutChars } from '../render/bytes.ts'
import { type Message, titleOf } from '../render/message.ts'

const advice = { title: 26, desc: 30, subTitle: 112, rowName: 5, rowValue: 26, rows: 6, links: 3 } as const
const maxUrlBytes = 1024

/** Null when there is no page that a tap on the card could open, which the robot demands. */
export function wecomCard(message: Message): Readonly<Record<string, unknown>> | null {
  const links = message.links.filter((link) => byteLength(link.url) <= maxUrlBytes)
  const [first] = links
  if (first === undefined) return null
  const subTitle = message.prose.map((one) => one.value).join('\n')
  return {
    card_type: 'text_notice',
    main_title: {
      title: cutChars(titleOf(message), advice.title),
      desc: cutChars(message.head[0]?.value ?? '', advice.desc),
    },
    sub_title_text: cutChars(subTitle, advice.subTitle),
    horizontal_content_list: message.head
      .filter((one, index) => index > 0 && one.value !== message.rule)
      .slice(0, advice.rows)
      .map((one) => ({ keyname: cutChars(one.name, advice.rowName), value: cutChars(one.value, advice.rowValue) })),
    jump_list: links.slice(0, advice.links).map((link) => ({ type: 1, title: link.name, url: link.url })),
    card_action: { type: 1, url: first.url },
  }
}
