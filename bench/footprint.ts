// The claim "two commands and little of your machine": time to the first answer from an empty folder, idle memory of the stack and its
// parts, time of `npm ci` on a clean copy (--full; the stack is then started from that copy), lines of code against the plan of the house.

import { systemClock } from '../core/base/clock.ts'
import { projectRoot } from '../core/base/entry.ts'
import { linesPerRoom, type RoomLines } from './code-lines.ts'
import { atMost, type Context, type Figure, type Must, type Report } from './figure.ts'
import { withInstalledCopy } from './install.ts'
import { memoryOf, type Process } from './process-tree.ts'
import { withStack } from './stack.ts'

const idleMs = 20_000
const plan = { TypeScript: 35_000, 'C++': 8_000 } as const

const parts = ['parent', 'server', 'agent', 'engine', 'PostgreSQL'] as const
type Part = (typeof parts)[number]

/** What a process of the stack is, by its command line. */
export function partOf(command: string): Part | null {
  if (/^postgres:|\/postgres(?: |$)|unshare .*postgres/.test(command)) return 'PostgreSQL'
  if (/native[/]host[/]main\.js/.test(command)) return 'engine'
  const program = /cli[/]inferward\.mjs (up|server|agent)(?: |$)/.exec(command)?.[1]
  return program === undefined ? null : program === 'up' ? 'parent' : (program as 'server' | 'agent')
}

export async function footprint(context: Context): Promise<Report> {
  const rooms = linesPerRoom(projectRoot)
  if (!context.full) {
    const absent = { part: 'option', words: 'asked for with --full only' } as const
    return report(await stackFigures(projectRoot, context), null, absent, rooms)
  }
  context.tell('a clean copy of the last commit: npm ci')
  return withInstalledCopy(projectRoot, context.signal, async ({ folder, installSeconds }) =>
    report(await stackFigures(folder, context), installSeconds, null, linesPerRoom(folder)),
  )
}

function report(
  stack: readonly Figure[],
  installSeconds: number | null,
  absent: Figure['absent'],
  rooms: readonly RoomLines[],
): Report {
  const isTest = (room: string): boolean => /^test(?:\/|$)/.test(room)
  const lines = (language: RoomLines['language'], tests: boolean): number =>
    rooms
      .filter((one) => one.language === language && isTest(one.room) === tests)
      .reduce((total, one) => total + one.lines, 0)
  return {
    figures: [
      { ...figure('npm ci on a clean copy', 's', installSeconds, atMost(180)), absent },
      ...stack,
      // Tests are shown and not judged: docs/decisions/0003.
      figure('TypeScript without tests', 'lines', lines('TypeScript', false), atMost(plan.TypeScript)),
      figure('TypeScript of tests', 'lines', lines('TypeScript', true), null),
      figure('C++ and CUDA', 'lines', lines('C++', false), atMost(plan['C++'])),
    ],
    tables: [{ title: 'Lines per room', rows: rooms.map((one) => [`${one.room} (${one.language})`, one.lines]) }],
  }
}

function stackFigures(project: string, context: Context): Promise<readonly Figure[]> {
  context.tell('starting the stack on an empty folder')
  return withStack(project, context.signal, async (stack) => {
    context.tell(`first answer after ${stack.firstAnswerSeconds.toFixed(2)} s; now idle for ${idleMs / 1000} s`)
    await systemClock.sleep(idleMs, context.signal)
    context.signal.throwIfAborted()
    return [
      figure('first answer from an empty folder', 's', stack.firstAnswerSeconds, atMost(20)),
      ...memoryFigures(stack.processes()),
    ]
  })
}

/** Proportional set size where the kernel tells it of every process, else resident set size, which counts shared pages several times. */
function memoryFigures(processes: readonly Process[]): readonly Figure[] {
  const held = processes.flatMap(({ pid, command }) => {
    const memory = memoryOf(pid)
    return memory === null ? [] : [{ part: partOf(command), ...memory }]
  })
  const kind = held.every((one) => one.pssBytes !== null) ? 'PSS' : 'RSS'
  const sum = (part: Part | null): number | null => {
    const wanted = held.filter((one) => part === null || one.part === part)
    if (wanted.length === 0) return null
    return wanted.reduce((bytes, one) => bytes + (kind === 'PSS' ? one.pssBytes! : one.rssBytes), 0) / 2 ** 20
  }
  const residentMib = held.reduce((bytes, one) => bytes + one.rssBytes, 0) / 2 ** 20
  const unknown = held.filter((one) => one.part === null).length
  return [
    figure(`idle memory of the whole stack (${held.length} processes)`, `MiB ${kind}`, sum(null), null),
    figure('the same, each shared page counted in every process', 'MiB RSS', residentMib, null),
    ...parts.map((part) => figure(`idle memory, ${part}`, `MiB ${kind}`, sum(part), null)),
    ...(unknown === 0 ? [] : [figure('processes of no known part', 'processes', unknown, atMost(0))]),
  ]
}

const figure = (what: string, unit: string, ours: number | null, must: Must | null): Figure => ({
  what,
  unit,
  ours,
  peer: null,
  must,
  absent: null,
})
