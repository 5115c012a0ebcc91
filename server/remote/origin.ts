// Who sends samples on: told with every request, so that a server that is told to send to itself, by whatever name or detour, refuses what it sent.

import { randomUUID } from 'node:crypto'

export const originHeader = 'x-inferward-origin'
/** Of this process. */
export const origin = randomUUID()
