// All tables, for Drizzle and drizzle-kit.

export * from './access.ts'
export * from './import.ts'
export * from './mirroring.ts'
export * from './push-log.ts'
export * from './receiver.ts'
export * from './registry.ts'
export * from './registry-config.ts'
export * from './stream.ts'
export * from './tag.ts'
export * from './trust.ts'
export * from './watch.ts'
