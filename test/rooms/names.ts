import { type Module, roomOf } from './modules.ts'

/** Exported type names of each room that another room exports too: one name has one meaning. */
export function sharedTypeNames(modules: readonly Module[]): string[] {
  const rooms = new Map<string, Set<string>>()
  for (const { path, text } of modules) {
    for (const [, name = ''] of text.matchAll(
      /^export (?:interface|type|(?:abstract )?class|enum) (\w+)/gm,
    )) {
      rooms.set(name, (rooms.get(name) ?? new Set()).add(roomOf(path)))
    }
  }
  return [...rooms]
    .filter(([, { size }]) => size > 1)
    .map(([name, names]) => `${name}: ${[...names].join(', ')}`)
}
