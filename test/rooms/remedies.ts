import { type GraphQLSchema, getNamedType, isInputObjectType } from 'graphql'
import { SETTINGS } from '../../src/app/settings/settings.ts'
import type { Module } from './modules.ts'

/** Names in messages: those that the server has, and others with their module. */
export interface Names {
  readonly known: ReadonlySet<string>
  readonly unknown: readonly string[]
}

const FLAGS = new Set([
  'help',
  // of imagestreams backup
  'with-key',
  // of imagestreams check
  'adopt',
  ...Object.entries(SETTINGS).map(([name, setting]) =>
    'flag' in setting ? setting.flag : name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`),
  ),
])
/** A flag: `--private-networks`. */
const FLAG = /(?<![\w-])--([a-z][a-z-]*[a-z])/g
/** A command of another program, as a message quotes it: "skopeo copy --all". */
const OTHER_COMMAND = /(["`])(?:oc|skopeo) [^"`]*\1/g
/** A field of mutations: `ca in configureRegistry`, `insecure: true in importImage or configureRegistry`. */
const FIELD = /\b([a-z]\w*)(?:: \w+)? in ([a-z]+[A-Z]\w*(?: or [a-z]+[A-Z]\w*)*)/g
/** A mutation or a field that provides something: `setRegistryCredential changes the key`, `set it with setRegistryCredential`. */
const MUTATION = /\b([a-z]+[A-Z]\w*) (?:or --|changes|provides|permits)|\b(?:with|by) ([a-z]+[A-Z]\w*)/g

/** Texts of the module with a space in them, without what is computed. */
const messagesOf = ({ text }: Module): string[] =>
  text
    .split('\n')
    .filter((line) => !/^\s*(?:\/?\*|\/\/)/.test(line))
    .flatMap((line) => line.match(/'[^'\n]* [^'\n]*'|"[^"\n]* [^"\n]*"|`[^`\n]* [^`\n]*`/g) ?? [])
    .map((message) => message.replace(/\$\{[^}]*\}/g, ''))

/** Finds the flags in messages, other than those of quoted commands of other programs. */
export const flagsIn = (modules: readonly Module[]): Names =>
  namesIn(
    modules,
    (message) => [...message.replace(OTHER_COMMAND, '').matchAll(FLAG)].map(([, name = '']) => name),
    FLAGS,
  )

/** Finds mutations and fields in messages, and fields of certain mutations as `mutation.field`. */
export function fieldsIn(modules: readonly Module[], schema: GraphQLSchema): Names {
  const names = new Set<string>()
  const fields = new Set<string>()
  for (const [name, { args }] of Object.entries(schema.getMutationType()?.getFields() ?? {})) {
    names.add(name)
    for (const { type } of args) {
      const input = getNamedType(type)
      if (!isInputObjectType(input)) continue
      for (const field of Object.keys(input.getFields())) {
        fields.add(field)
        names.add(field).add(`${name}.${field}`)
      }
    }
  }
  const namesOf = (message: string) => [
    ...[...message.matchAll(MUTATION)].map(([, before, after]) => before ?? after ?? ''),
    ...[...message.matchAll(FIELD)].flatMap(([, field, mutations = '']) =>
      // "is in setTags" names a field that has no parts
      mutations.split(' or ').flatMap((name) => (fields.has(name) ? [] : [`${name}.${field}`])),
    ),
  ]
  return namesIn(modules, namesOf, names)
}

function namesIn(
  modules: readonly Module[],
  namesOf: (message: string) => readonly string[],
  existing: ReadonlySet<string>,
): Names {
  const known = new Set<string>()
  const unknown: string[] = []
  for (const module of modules) {
    for (const name of messagesOf(module).flatMap(namesOf)) {
      if (existing.has(name)) known.add(name)
      else unknown.push(`${module.path}: ${name}`)
    }
  }
  return { known, unknown }
}
