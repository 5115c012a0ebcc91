// What a check of a unit test is given, and what it answers.

import type { GroupEvaluator } from '../group.ts'
import type { Failure, Skip } from './outcome.ts'
import type { UnitTest } from './test-file.ts'
import type { World } from './world.ts'

export type Verdict = {
  readonly passed: number
  readonly failures: readonly Failure[]
  readonly skipped: readonly Skip[]
}
export type TestContext = {
  readonly file: string
  readonly test: UnitTest
  readonly world: World
  readonly groups: readonly GroupEvaluator[]
  readonly evaluationMs: number
  readonly fuzzy: boolean
}
