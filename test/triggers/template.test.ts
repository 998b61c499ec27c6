import { expect, it } from 'vitest'
import { fill, parseTemplate } from '../../src/triggers/content/template.ts'

const KNOWN = ['digest', 'tag']
const parse = (text: string) => parseTemplate(text, KNOWN, 'action.body')

it('placeholders in texts at any depth are replaced, keys and other values are not', () => {
  const template = parse(
    '{"ref":"main","inputs":{"{{tag}}":1,"image":"app@{{ digest }}","all":["{{tag}}-{{tag}}",true,null,2]}}',
  )
  expect(fill(template, { digest: 'sha256:1', tag: 'v1' })).toBe(
    '{"ref":"main","inputs":{"{{tag}}":1,"image":"app@sha256:1","all":["v1-v1",true,null,2]}}',
  )
})

it('a value is inserted as it is, and not read as a template', () => {
  const template = parse('["{{ tag }} {{ digest }}"]')
  expect(fill(template, { tag: '{{ digest }}', digest: '"$&\\n' })).toBe(
    JSON.stringify(['{{ digest }} "$&\\n']),
  )
})

it('a short template does not make a long body', () => {
  const template = parse(JSON.stringify(['{{tag}}'.repeat(1_000), '{{tag}}']))
  expect(fill(template, { tag: 'x'.repeat(65) })).toHaveLength('["",""]'.length + 65 * 1_001)
  expect(() => fill(template, { tag: 'x'.repeat(66) })).toThrow(
    'action makes a body of 65538 bytes or more: at most 65536 are sent',
  )
})

it.each([
  ['{', 'action.body must be JSON'],
  [
    '{"a":{"b":["{{ secret }}"]}}',
    'action.body has {{ secret }} at $.a.b[0], which is unknown: allowed are {{ digest }}, {{ tag }}',
  ],
  [
    '["{{ tag"]',
    'action.body has braces at $[0] that are no placeholder: allowed are {{ digest }}, {{ tag }}',
  ],
  [
    '["{{ tag | upper }}"]',
    'action.body has braces at $[0] that are no placeholder: allowed are {{ digest }}, {{ tag }}',
  ],
  ['['.repeat(17) + ']'.repeat(17), 'action.body nests more than 16 levels'],
])('%s is refused', (text, message) => {
  expect(() => parse(text)).toThrow(message)
})
