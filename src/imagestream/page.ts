/** Part of an ordered list, as this room's reads take it. */
export type { Key, KeysetPage } from '../db/page.ts'
