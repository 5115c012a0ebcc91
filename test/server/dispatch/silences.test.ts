// Silences: what may be asked for, what a change of one becomes, which alerts they match; then stories, told as `when why +firing -resolved`; and
// one suite for the table and its double.

import { describe, expect, it } from 'vitest'
import { openSilenceTable } from '../../../server/db/silence-table.ts'
import { type Matcher, matcher } from '../../../server/dispatch/matcher.ts'
import type { MatcherText } from '../../../server/dispatch/matcher-text.ts'
import { changeSilence, checkSilence, type PostedSilence, type Silence } from '../../../server/dispatch/silence.ts'
import { openSilenceIndex } from '../../../server/dispatch/silence-index.ts'
import { testDatabase } from '../../helpers/database.ts'
import { random } from '../../helpers/random.ts'
import { memorySilenceTable } from './memory-silences.ts'
import { story } from './story.ts'

const a1: MatcherText = { name: 'a', op: '=', value: '1' }
const asked = (more: Partial<PostedSilence> = {}): PostedSilence => ({
  id: '',
  matchers: [a1],
  startsAt: 1000,
  endsAt: 5000,
  createdBy: 'me',
  comment: 'c',
  annotations: {},
  ...more,
})

describe('a silence that is asked for', () => {
  it.each([
    ['nothing', { matchers: [] }, 'at least one matcher is needed'],
    [
      'a matcher that matches everything',
      { matchers: [{ name: 'a', op: '=~', value: '.*' }] },
      'must not match the empty string',
    ],
    ['a bad pattern', { matchers: [a1, { name: 'b', op: '=~', value: '(' }] }, 'not a regular expression'],
    ['a matcher without a name', { matchers: [{ name: '', op: '=', value: 'x' }] }, 'not a label name'],
    ['101 matchers', { matchers: Array.from({ length: 101 }, () => a1) }, 'more than 100 matchers'],
    ['an end before its start', { endsAt: 900 }, 'start time must be before end time'],
    ['an end in the past', { startsAt: 10, endsAt: 400 }, "end time can't be in the past"],
    ['no time', { endsAt: Number.NaN }, 'must be times'],
    ['a long comment', { comment: 'x'.repeat(4001) }, 'the comment has more than 4000 characters'],
  ] as const)('with %s is refused', (_, more, words) => {
    expect(() => checkSilence(asked(more as Partial<PostedSilence>), 500)).toThrow(words)
  })

  it('may match by any operator, as long as one of them asks for something', () => {
    expect(checkSilence(asked({ matchers: [a1, { name: 'b', op: '!~', value: 'x.*' }] }), 500)).toHaveLength(2)
  })
})

describe('a change of a silence', () => {
  const made: Silence = { ...asked({ id: 'old' }), startsAt: 1000, updatedAt: 0 }
  const now = { pending: 500, active: 2000, expired: 5000 }
  const change = (state: keyof typeof now, more: Partial<PostedSilence>) =>
    changeSilence(made, { ...made, ...more }, now[state], () => 'new')

  it.each([
    ['pending', 'a later end', { endsAt: 9000 }],
    ['pending', 'another start to come', { startsAt: 700 }],
    ['pending', 'another comment', { comment: 'd' }],
    ['active', 'a later end', { endsAt: 9000 }],
    ['active', 'an end now', { endsAt: 2000 }],
    ['active', 'its start to the second', { startsAt: 1999 }],
    ['active', 'its matchers in another order', { matchers: [a1] }],
  ] as const)('that is %s, to %s, keeps its id', (state, _, more) => {
    const { id, writes } = change(state, more)
    expect([id, writes]).toEqual(['old', [{ ...made, ...more, updatedAt: now[state] }]])
  })

  it.each([
    ['pending', 'other matchers', { matchers: [{ ...a1, value: '2' }] }, { startsAt: 500, endsAt: 500 }, 1000],
    ['pending', 'a start that has passed', { startsAt: 100 }, { startsAt: 500, endsAt: 500 }, 500],
    ['active', 'other matchers', { matchers: [{ ...a1, op: '!=' }] }, { startsAt: 1000, endsAt: 2000 }, 2000],
    ['active', 'another start', { startsAt: 3000 }, { startsAt: 1000, endsAt: 2000 }, 3000],
    ['active', 'a start of now', { startsAt: null }, { startsAt: 1000, endsAt: 2000 }, 2000],
  ] as const)('that is %s, to %s, ends it and makes another', (state, _, more, ended, startsAt) => {
    const { id, writes } = change(state, more as Partial<PostedSilence>)
    const updatedAt = now[state]
    expect(id).toBe('new')
    expect(writes).toEqual([
      { ...made, ...ended, updatedAt },
      { ...made, ...more, id: 'new', startsAt, updatedAt },
    ])
  })

  it('that has expired makes another and leaves it as it is', () => {
    const { id, writes } = change('expired', { endsAt: 9000 })
    expect([id, writes]).toEqual(['new', [{ ...made, id: 'new', startsAt: 5000, endsAt: 9000, updatedAt: 5000 }]])
  })
})

describe('the index of silences', () => {
  it('agrees with plain loops, through changes by seed', () => {
    const seed = 4711
    const draw = random(seed)
    const index = openSilenceIndex()
    const silences = new Map<string, readonly Matcher[]>()
    const labelSets = Array.from({ length: 40 }, () => ({
      a: draw.pick(['', '1', '2']),
      b: draw.pick(['', '1', '2']),
      c: draw.pick(['1', '2']),
    }))
    let matches = 0
    for (let step = 0; step < 150; step++) {
      const id = `s${draw.integer(0, 30)}`
      if (draw.uniform() < 0.3) {
        silences.delete(id)
        index.remove(id)
      } else {
        const texts = Array.from(
          { length: draw.integer(1, 2) },
          (): MatcherText => ({
            name: draw.pick(['a', 'b', 'c']),
            op: draw.pick(['=', '!=', '=~', '!~']),
            value: draw.pick(['', '1', '2', '1|2']),
          }),
        )
        silences.delete(id)
        const matchers = texts.map(made)
        silences.set(id, matchers)
        index.put(id, matchers)
      }
      for (const labels of labelSets) {
        const expected = [...silences]
          .filter(([, matchers]) => matchers.every((one) => one.matches(labels)))
          .map(([one]) => one)
        expect([seed, step, index.matching(labels)]).toEqual([seed, step, expected])
        matches += expected.length
      }
    }
    expect(matches).toBeGreaterThan(1500)
  })
})

function made(text: MatcherText) {
  const parsed = matcher(text)
  if (!parsed.ok) throw new Error(parsed.fault)
  return parsed.value
}

describe('what is silenced', () => {
  const route = '{receiver: oncall, group_by: [alertname], group_wait: 10s, group_interval: 40m, repeat_interval: 12h}'
  const staged = (text = route) => {
    const s = story(text)
    const to = s.collector()
    return { s, to }
  }

  it('is not told, and is told in the second in which the silence ends when it fires still', async () => {
    const { s } = staged()
    const dispatch = await s.start()
    const id = await s.silence('alertname=a', '30m')
    s.fires('a')
    s.fires('b')
    await s.after('29m')
    expect(s.told()).toEqual(['00:10 first +b'])
    expect(dispatch.explain({ alertname: 'a' }).silencedBy).toEqual([id])
    expect(dispatch.stats().decisions).toMatchObject({ silenced: 1, first: 1 })
    await s.after('1m')
    expect(s.told().slice(1)).toEqual(['30:00 first +a'])
    expect(dispatch.explain({ alertname: 'a' }).silencedBy).toEqual([])
  })

  it('is told at once when a hand ends the silence, and when its matchers change to leave it out', async () => {
    const { s } = staged()
    await s.start()
    const first = await s.silence('alertname=a', '2h')
    const second = await s.silence('alertname=~"b|c"', '2h')
    for (const name of ['a', 'b', 'c']) s.fires(name)
    await s.after('5m')
    await s.silences.expire(first)
    await s.after('5m')
    const edited = { ...s.silences.get(second)!, matchers: [{ name: 'alertname', op: '=', value: 'c' }] as const }
    const third = await s.silences.set(edited)
    await s.after('1m')
    expect(s.told()).toEqual(['05:00 first +a', '10:00 first +b'])
    expect(third).not.toBe(second)
    expect(s.silences.list().map(({ id, endsAt }) => [id, endsAt > s.clock.now()])).toEqual([
      [first, false],
      [second, false],
      [third, true],
    ])
  })

  it('does not preempt group_wait when a silence ends while the group waits', async () => {
    const { s } = staged('{receiver: oncall, group_wait: 10m}')
    await s.start()
    await s.silence('alertname=a', '5m')
    s.fires('a')
    await s.after('9m')
    expect(s.told()).toEqual([])
    await s.after('1m')
    expect(s.told()).toEqual(['10:00 first +a'])
  })

  it('has its end not told, and is news when it fires again', async () => {
    const { s } = staged()
    await s.start()
    s.fires('a')
    await s.after('1m')
    const id = await s.silence('alertname=a', '2h')
    s.resolves('a')
    await s.after('1h')
    await s.silences.expire(id)
    await s.after('1h')
    s.fires('a')
    await s.after('1m')
    expect(s.told()).toEqual(['00:10 first +a', '121:10 first +a'])
  })

  it.each([
    ['the route says so', `{receiver: oncall, group_wait: 10s, tell_silenced_resolved: true}`, {}],
    ['the silence says so', '{receiver: oncall, group_wait: 10s}', { annotations: { tell_resolved: 'true' } }],
  ])('has its end told to those who knew when %s', async (_, text, more) => {
    const { s } = staged(text)
    await s.start()
    s.fires('a')
    await s.after('1m')
    await s.silence('alertname=~"a|b"', '2h', more)
    s.fires('b')
    await s.after('1m')
    s.resolves('a', 'b')
    await s.after('1h')
    expect(s.told()).toEqual(['00:10 first +a', '02:10 all_resolved -a'])
  })

  it('is as quiet after a restart, and told once when the silence ended meanwhile', async () => {
    const { s } = staged()
    await s.start()
    await s.silence('alertname=a', '30m')
    s.fires('a')
    await s.after('10m')
    await s.start()
    await s.after('10m')
    expect(s.told()).toEqual([])
    s.kill()
    await s.after('20m')
    await s.start()
    await s.after('1m')
    await s.start()
    await s.after('1h')
    expect(s.told()).toEqual(['40:00 first +a'])
  })

  it('is quiet from its start on when that lies ahead', async () => {
    const { s } = staged(
      '{receiver: oncall, group_by: [alertname], group_wait: 0s, repeat_interval: 10m, group_interval: 5m}',
    )
    await s.start()
    await s.silence('alertname=a', '2h', { startsAt: s.clock.now() + 15 * 60_000 })
    s.fires('a')
    await s.after('1h')
    expect(s.told()).toEqual(['00:00 first +a', '10:00 repeat +a'])
  })

  it('in part of a group leaves the rest to be told', async () => {
    const { s } = staged('{receiver: oncall, group_by: [team], group_wait: 10s, group_interval: 5m}')
    await s.start()
    await s.silence('alertname=a', '7m')
    s.fires('a')
    s.fires('b')
    await s.after('20m')
    // At the end of the silence a message of this group went out 6 min 50 s ago: there is no need to keep a distance.
    expect(s.told()).toEqual(['00:10 first +b', '07:00 new_firing +a +b'])
  })
})

describe('silences', () => {
  it('beyond the limit are refused and counted; ended ones are looked at for five days', async () => {
    const s = story('{receiver: oncall}')
    await s.start()
    const id = await s.silence('a=1', '1m')
    await expect(s.silence('a=~".*"', '1m')).rejects.toThrow('must not match the empty string')
    await expect(s.silence('a=1', '1m', { id: 'gone' })).rejects.toMatchObject({ code: 'silence.not_found' })
    await s.after('119h')
    expect(s.silences.stats()).toEqual({ pending: 0, active: 0, expired: 1, refused: 2 })
    await s.after('3h')
    expect(s.silences.get(id)).toBeNull()
  })
})

describe.each(['memory', 'PostgreSQL'])('the table of silences in %s', (kind) => {
  it('keeps what it was given last under an id, and drops what ended long ago', async () => {
    await using database = kind === 'PostgreSQL' ? await testDatabase() : null
    const table = database === null ? memorySilenceTable() : openSilenceTable(database.db)
    const one: Silence = {
      id: 'one',
      matchers: [{ name: '名称', op: '!~', value: 'a\u0000"\\|b' }],
      startsAt: 1000,
      endsAt: 2000,
      updatedAt: 500,
      createdBy: 'me',
      comment: 'why\n',
      annotations: { tell_resolved: 'true' },
    }
    const two = { ...one, id: 'two', startsAt: 900, endsAt: 5000 }
    await table.save([one, two])
    await table.save([{ ...one, endsAt: 3000, comment: 'changed' }])
    await table.save([])
    expect(await table.load(3000)).toEqual([two, { ...one, endsAt: 3000, comment: 'changed' }])
    expect(await table.load(3001)).toEqual([two])
    expect(await table.sweep(5000)).toBe(1)
    expect(await table.load(0)).toEqual([two])
  })
})
