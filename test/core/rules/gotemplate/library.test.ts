// Sets of named templates: what files add, what wins, and what calls a name that nobody defines.

import { describe, expect, it } from 'vitest'
import { alertmanagerFunctions as functions } from '../../../../core/rules/gotemplate/alertmanager-functions.ts'
import { missingTemplates } from '../../../../core/rules/gotemplate/calls.ts'
import { emptyLibrary, extendLibrary, type Library, parseTemplate } from '../../../../core/rules/gotemplate/template.ts'

const library = (...files: readonly (readonly [name: string, text: string])[]): Library =>
  files.reduce((all, [name, text]) => extendLibrary(all, { name, file: `/etc/${name}`, text }, functions), emptyLibrary)

describe('a library of templates', () => {
  it('gives its templates to a text that calls them by name, whole files included', () => {
    const all = library(['a.tmpl', '{{ define "greet" }}hello {{ . }}{{ end }}file'])
    const template = parseTemplate('{{ template "greet" "gpu" }} {{ template "a.tmpl" }}', { functions, library: all })
    expect(template.execute()).toBe('hello gpu file')
  })

  it('takes the later of two definitions, unless it is blank', () => {
    const all = library(
      ['a.tmpl', '{{ define "x" }}first{{ end }}{{ define "y" }}kept{{ end }}'],
      ['b.tmpl', '{{ define "x" }}second{{ end }}{{ define "y" }} {{ end }}'],
    )
    const template = parseTemplate('{{ template "x" }} {{ template "y" }}', { functions, library: all })
    expect(template.execute()).toBe('second kept')
  })

  it('tells where its files are wrong', () => {
    expect(() => library(['a.tmpl', 'one\n{{ define "x" }}{{ nope }}{{ end }}'])).toThrow(
      'template: /etc/a.tmpl:2:19: function "nope" not defined',
    )
  })

  it('tells every call of a template that nobody defines, whatever it stands in', () => {
    const all = library([
      'a.tmpl',
      '{{ define "x" }}{{ if . }}{{ template "p" }}{{ else }}{{ range . }}{{ template "q" }}{{ end }}{{ end }}{{ end }}{{ template "x" }}',
    ])
    expect(missingTemplates(all.definitions).map((one) => one.message)).toEqual([
      'template: /etc/a.tmpl:1:38: template "p" is defined nowhere',
      'template: /etc/a.tmpl:1:79: template "q" is defined nowhere',
    ])
  })

  it('closes a text on demand: Go would find the missing one when it renders', () => {
    const text = 'ok {{ template "later" . }}'
    expect(() => parseTemplate(text, { functions, closed: true })).toThrow('1:15: template "later" is defined nowhere')
    expect(() => parseTemplate(text, { functions }).execute()).toThrow('template "later" not defined')
  })
})
