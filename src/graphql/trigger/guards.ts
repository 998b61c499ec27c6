import type { Guards } from '../../triggers/guard/guards.ts'
import type { GUARDS, Guard } from '../../triggers/guard/judge.ts'
import type { Window } from '../../triggers/guard/window.ts'
import { inputType } from '../kit/inputs.ts'
import { enumType, objectType } from '../kit/types.ts'

export const TriggerGuardEnum = enumType<Guard>('TriggerGuard', {
  description: 'A condition that must hold before a trigger acts. Guards are judged in this order.',
  values: {
    PLATFORMS: 'The image has all platforms that are wanted. Only another image changes this.',
    MINIMUM_AGE: 'The tag has pointed to the image for a minimum time.',
    VERIFIED:
      'The image has a signature that its image stream accepts. Signatures are read again later: soon at first, then once an hour.',
    APPROVAL: 'A person has approved the image with `approveDelivery`.',
    WINDOW: 'A maintenance window is open.',
    RATE: 'The trigger had fewer deliveries in the last hour than are allowed.',
  } satisfies Record<(typeof GUARDS)[number], string>,
})

const CRON =
  'Five fields of cron in the time zone: minute, hour, day of month, month, day of week; for example `30 2 * * SUN`. A time that the clock skips in spring is moved to the end of the gap, and one that it repeats in autumn counts once; with `*` or a step as minute or hour, skipped times are left out and repeated ones count twice.'
const WINDOW = {
  cron: `Times at which the window opens. ${CRON}`,
  timeZone: 'IANA time zone, for example `Europe/Berlin`.',
  durationMinutes:
    'Minutes for which it stays open, from 1 to 10,080 (seven days), of real time also when the clock changes.',
} as const
const GUARD = {
  minimumAgeSeconds: 'Seconds for which the tag must have pointed to the image, at most 2,592,000 (30 days)',
  verified: 'Whether the image must have a signature that its image stream accepts (`setImageStreamTrust`).',
  platforms: 'Platforms that the image must have, all of them, such as `linux/arm64`; at most 20',
  windows: 'Maintenance windows, one of which must be open, also for retries; at most 10',
  maxPerHour:
    'Maximum number of deliveries of the trigger in any hour, of all its tags, at most 100; retries are not counted',
  approval: 'Whether a person must approve each image with `approveDelivery`.',
} as const

const MaintenanceWindowInput = inputType('MaintenanceWindowInput', {
  description: 'A maintenance window that opens regularly.',
  fields: (t) => ({
    cron: t.requiredString(WINDOW.cron),
    timeZone: t.requiredString(WINDOW.timeZone),
    durationMinutes: t.int({ required: true, description: WINDOW.durationMinutes }),
  }),
})

export const TriggerGuardsInput = inputType('TriggerGuardsInput', {
  description:
    'Conditions that must hold before a trigger acts. A delivery that one of them holds waits, and is replaced by that of a newer image.',
  fields: (t) => ({
    minimumAgeSeconds: t.int({ description: `${GUARD.minimumAgeSeconds}.` }),
    verified: t.flag(GUARD.verified),
    platforms: t.strings(`${GUARD.platforms}.`),
    windows: t.list(MaintenanceWindowInput, `${GUARD.windows}.`),
    maxPerHour: t.int({ description: `${GUARD.maxPerHour}.` }),
    approval: t.flag(GUARD.approval),
  }),
})

const MaintenanceWindowType = objectType<Window>('MaintenanceWindow', {
  description: 'A maintenance window that opens regularly.',
  properties: (t) => ({
    cron: t.string(WINDOW.cron),
    timeZone: t.string(WINDOW.timeZone),
    durationMinutes: t.int(WINDOW.durationMinutes),
  }),
})

export const TriggerGuardsType = objectType<Guards>('TriggerGuards', {
  description: 'Conditions that must hold before a trigger acts.',
  fields: (t) => ({
    minimumAgeSeconds: t.int({
      nullable: true,
      description: `${GUARD.minimumAgeSeconds}; null for no minimum.`,
      resolve: ({ minimumAgeSeconds }) => minimumAgeSeconds ?? null,
    }),
    verified: t.boolean({ description: GUARD.verified, resolve: ({ verified = false }) => verified }),
    platforms: t.stringList({
      description: `${GUARD.platforms}. Empty for any.`,
      resolve: ({ platforms = [] }) => platforms,
    }),
    windows: t.field({
      type: [MaintenanceWindowType],
      description: `${GUARD.windows}. Empty for any time.`,
      resolve: ({ windows = [] }) => windows,
    }),
    maxPerHour: t.int({
      nullable: true,
      description: `${GUARD.maxPerHour}. Null for any number.`,
      resolve: ({ maxPerHour }) => maxPerHour ?? null,
    }),
    approval: t.boolean({ description: GUARD.approval, resolve: ({ approval = false }) => approval }),
  }),
})
