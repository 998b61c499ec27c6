import { type Module, ownImportsOf } from './modules.ts'

/** Groups of modules that import each other in a circle, type imports included: each as its sorted paths. */
export function cyclesOf(modules: readonly Module[]): string[][] {
  const targets = new Map(modules.map((module) => [module.path, ownImportsOf(module)]))
  const reachableFrom = (start: string): Set<string> => {
    const reached = new Set<string>()
    const open = [...(targets.get(start) ?? [])]
    for (let path = open.pop(); path !== undefined; path = open.pop()) {
      if (reached.has(path)) continue
      reached.add(path)
      open.push(...(targets.get(path) ?? []))
    }
    return reached
  }
  const reachable = new Map([...targets.keys()].map((path) => [path, reachableFrom(path)]))
  const groups = [...reachable]
    .filter(([path, reached]) => reached.has(path))
    .map(([path, reached]) => [...reached].filter((other) => reachable.get(other)?.has(path)).sort())
  return [...new Map(groups.map((group) => [group.join(), group])).values()]
}
