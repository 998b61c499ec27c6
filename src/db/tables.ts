// All tables, as the migrations and Drizzle know them.

export * from './access-tables.ts'
export * from './image-tables.ts'
export * from './import-tables.ts'
export * from './push-log-tables.ts'
export * from './registry-config-tables.ts'
export * from './registry-tables.ts'
export * from './stream-tables.ts'
export * from './tag-tables.ts'
export * from './trust-tables.ts'
export * from './watch-tables.ts'
export * from './webhook-tables.ts'
