// Which verdict each of upstream's rule files and rule unit tests must get, and for which reason where it is refused: upstream's own tests say so. A file
// that is not listed must be refused where its name says that it is bad, and taken otherwise.

export type Expected = {
  readonly verdict: 'good' | 'bad'
  /** What one of the faults must say. */
  readonly reason?: RegExp
  /** Only tests of this name. */
  readonly only?: RegExp
  readonly ignoreUnknown?: boolean
  /** What one of the lints must be called. */
  readonly lint?: string
}

const good: Expected = { verdict: 'good' }
const bad = (reason: RegExp): Expected => ({ verdict: 'bad', reason })

const listed: Readonly<Record<string, readonly Expected[]>> = {
  // Rule files
  'invalid_rules.yaml': [bad(/field unexpected_field not found/)],
  'rules-bad.yml': [bad(/undefined variable "\$label"/)],
  'bad-rules-syntax.yml': [bad(/could not parse expression: .*parse error/)],
  'bad-rules-error.yml': [good],
  'rules_extrafields.yml': [bad(/field namespace not found/), { verdict: 'good', ignoreUnknown: true }],
  'rules_duplicates.yml': [{ verdict: 'good', lint: 'duplicate-rules' }],
  'prometheus-rules.lint.yml': [{ verdict: 'good', lint: 'duplicate-rules' }],
  'duplicate_grp.bad.yaml': [bad(/groupname: "yolo" is repeated in the same file/)],
  'bad_expr.bad.yaml': [bad(/parse error/)],
  'bad_field.bad.yaml': [bad(/field annotation not found/)],
  'invalid_label_name.bad.yaml': [bad(/invalid label name: __name__/)],
  'invalid_record_name.bad.yaml': [bad(/braces present in the recording rule name/)],
  // Refused only by the name scheme of old.
  'legacy_validation_annotation.bad.yaml': [good],
  'no_rec_alert.bad.yaml': [bad(/one of 'record' or 'alert' must be set/)],
  'noexpr.bad.yaml': [bad(/field 'expr' must be set in rule/)],
  'record_and_alert.bad.yaml': [bad(/only one of 'record' and 'alert' must be set/)],
  'record_and_for.bad.yaml': [bad(/invalid field 'for' in recording rule/)],
  'record_and_keep_firing_for.bad.yaml': [bad(/invalid field 'keep_firing_for' in recording rule/)],
  // Unit tests
  'bad-input-series.yml': [bad(/series "up\{job=/)],
  'bad-promql.yml': [bad(/found duplicate series for the match group/)],
  'bad-rules-error-test.yml': [bad(/rule joined: found duplicate series for the match group/)],
  'bad-rules-syntax-test.yml': [bad(/could not parse expression/)],
  'failing.yml': [bad(/^(?:test|InstanceDown|AlwaysFiring|Test)$/)],
  'rules_run.yml': [bad(/^test$/), { verdict: 'good', only: /correct/ }, { verdict: 'bad', only: /wrong/ }],
  'rules_run_extrafields.yml': [bad(/field namespace not found/), { verdict: 'good', ignoreUnknown: true }],
  'rules_run_fuzzy.yml': [
    { verdict: 'good', only: /correct/ },
    { verdict: 'bad', only: /wrong/ },
  ],
  'rules_run_no_fuzzy.yml': [bad(/^test_low$/)],
}

export function expectedOf(name: string): readonly Expected[] {
  if (Object.hasOwn(listed, name)) return listed[name]!
  return [{ verdict: /(?:^|[-_.])(?:bad|failing|invalid|wrong)(?:[-_.]|$)/.test(name) ? 'bad' : 'good' }]
}
