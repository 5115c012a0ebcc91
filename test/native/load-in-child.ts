// Hostile model files are loaded in a child process, so that a crash of the engine is a result of the test and not the end of it.
// The child takes one file and a list of damages, and says of each what loading and one forward pass gave.

import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import * as path from 'node:path'
import { fileURLToPath } from 'node:url'
import { temporaryFolder } from '../helpers/native-engine.ts'

export type Damage = {
  /** Keep only this many bytes. */
  readonly cut?: number
  /** Overwrite from here on with these bytes. */
  readonly patch?: readonly (readonly [offset: number, bytes: readonly number[]])[]
}
/** `code` is null when the file was taken. */
export type Loaded = { readonly code: string | null; readonly message: string }

const addon = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../native/build/inferward.node')

const program = `
const { appendFileSync, readFileSync, writeFileSync } = require('node:fs')
const addon = require(process.argv[1])
const { file, damages } = JSON.parse(readFileSync(process.argv[2], 'utf8'))
const whole = readFileSync(file)
const results = []
const options = { modelPath: file + '.damaged', threads: 1, isa: 'auto', maxBatch: 4, maxQueue: 4, kvTokens: 64, stepTokens: 8, telemetryPath: '' }
const run = async () => {
  for (const damage of damages) {
    const bytes = Buffer.from(whole.subarray(0, damage.cut ?? whole.length))
    for (const [offset, patch] of damage.patch ?? []) bytes.set(patch.slice(0, Math.max(0, bytes.length - offset)), Math.min(offset, bytes.length))
    writeFileSync(options.modelPath, bytes)
    try {
      const handle = await addon.load(options, () => {})
      await handle.stop()
      await addon.logits(options, Int32Array.of(0, 1, 2), false)
      results.push({ code: null, message: '' })
    } catch (error) {
      results.push({ code: error.code ?? 'NO_CODE', message: error.message })
    }
    appendFileSync(process.argv[3], JSON.stringify(results.pop()) + '\\n')
  }
}
run()
`

/** Throws with the number of the damage when the child did not live to the end. */
export function loadInChild(bytes: Uint8Array, damages: readonly Damage[]): readonly Loaded[] {
  using place = temporaryFolder()
  const file = path.join(place.folder, 'model.gguf')
  const plan = path.join(place.folder, 'plan.json')
  const results = path.join(place.folder, 'results.json')
  writeFileSync(file, bytes)
  writeFileSync(plan, JSON.stringify({ file, damages }))
  writeFileSync(results, '')
  let fault = ''
  try {
    execFileSync(process.execPath, ['-e', program, addon, plan, results], { timeout: 120_000, cwd: tmpdir() })
  } catch (error) {
    const { signal, status, stderr } = error as { signal: string | null; status: number | null; stderr: Buffer }
    fault = `${signal ?? status}: ${stderr.toString().slice(0, 2000)}`
  }
  const found = readFileSync(results, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Loaded)
  if (fault !== '' || found.length !== damages.length)
    throw new Error(`the engine died on damage ${found.length}, ${JSON.stringify(damages[found.length])}: ${fault}`)
  return found
}
