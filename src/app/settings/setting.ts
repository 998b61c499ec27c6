/** Where the text of a setting comes from, and which values it may have. */
export interface Setting<Value> {
  /**
   * Command-line flag without dashes, the setting's name (`log-level` for `logLevel`) unless given. The environment variable
   * is `IMAGESTREAMS_` and the same in capitals.
   */
  readonly flag?: string
  /** Text of the default; empty unless given. */
  readonly fallback?: string
  readonly description: string
  /** Errors do not contain its value, and child processes do not inherit its variable. */
  readonly isSecret?: true
  /** Has no flag: other users of the machine can read the command line. */
  readonly inEnvironmentOnly?: true
  /** May have tabs and line breaks. */
  readonly isText?: true
  /** Throws an Error whose message says what is allowed. */
  readonly parse: (text: string) => Value
}

/** The settings of one part of the server. Checks each against `Setting` and keeps the types of their values. */
export const settings = <Group extends Readonly<Record<string, Setting<unknown>>>>(group: Group): Group =>
  group
