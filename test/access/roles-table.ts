import { RIGHTS, ROLES } from '../../src/access/right/role.ts'

/** Returns the table of roles in Markdown, as the README of the room has it. */
export function rolesTable(): string {
  const rows = Object.entries(ROLES).map(([role, { rights, openShift, description }]) => [
    `\`${role}\``,
    openShift.join(', ') || '–',
    ...RIGHTS.map((right) => (rights.some((one) => one === right) ? '•' : '')),
    description,
  ])
  const head = ['role', 'OpenShift', ...RIGHTS.map((right) => `\`${right}\``), '']
  return [head, head.map(() => '-'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}
