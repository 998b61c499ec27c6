import {
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLOutputType,
  type GraphQLSchema,
  getNamedType,
  isAbstractType,
  isCompositeType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isListType,
  isNonNullType,
  isObjectType,
  isRequiredArgument,
  isRequiredInputField,
} from 'graphql'

/** A valid operation. */
export interface RandomOperation {
  readonly query: string
  readonly variables: Readonly<Record<string, unknown>>
}

export interface OperationOptions {
  readonly random: () => number
  /** Returns a value of a scalar type; `name` is that of the argument or field. */
  readonly scalar: (type: string, name: string) => unknown
  /** Levels of fields. */
  readonly depth: number
  /** Root fields that are not selected. */
  readonly except?: ReadonlySet<string>
}

/** Returns a random query that is valid for the schema, with aliases, fragments, directives and variables. */
export function randomOperation(schema: GraphQLSchema, options: OperationOptions): RandomOperation {
  return new Generator(schema, options).query()
}

class Generator {
  readonly #schema: GraphQLSchema
  readonly #options: OperationOptions
  readonly #variables = new Map<string, { readonly type: string; readonly value: unknown }>()
  readonly #fragments: string[] = []
  /** Fields that may still be selected. */
  #fields = 40
  #aliases = 0

  constructor(schema: GraphQLSchema, options: OperationOptions) {
    this.#schema = schema
    this.#options = options
  }

  query(): RandomOperation {
    const type = this.#schema.getQueryType() as GraphQLOutputType
    const selection = this.#selection(type, this.#options.depth)
    const definitions = [...this.#variables].map(([name, { type }]) => `$${name}: ${type}`)
    const head = definitions.length === 0 ? '' : `query (${definitions.join(', ')}) `
    const variables = Object.fromEntries([...this.#variables].map(([name, { value }]) => [name, value]))
    return { query: [`${head}${selection}`, ...this.#fragments].join('\n'), variables }
  }

  #chance(share: number): boolean {
    return this.#options.random() < share
  }

  #one<Item>(items: readonly Item[]): Item {
    return items[Math.floor(this.#options.random() * items.length)] as Item
  }

  #selection(type: GraphQLOutputType, depth: number): string {
    const named = getNamedType(type)
    const parts: string[] = []
    if (isObjectType(named) || isInterfaceType(named)) {
      const { except } = this.#options
      const fields = Object.values(named.getFields()).filter(
        (field) =>
          (depth > 1 || !isCompositeType(getNamedType(field.type))) &&
          (named !== this.#schema.getQueryType() || !except?.has(field.name)),
      )
      for (let count = 1 + Math.floor(this.#options.random() * 4); count > 0 && fields.length > 0; count--) {
        parts.push(this.#field(this.#one(fields), depth))
      }
    }
    if (isAbstractType(named)) {
      for (const possible of this.#schema.getPossibleTypes(named)) {
        if (this.#chance(0.3)) parts.push(`... on ${possible.name} ${this.#selection(possible, depth)}`)
      }
    }
    if (parts.length === 0 || this.#chance(0.2)) parts.push('__typename')
    const selection = `{ ${parts.join(' ')} }`
    if (!isObjectType(named) || this.#chance(0.85)) return selection
    if (this.#chance(0.5)) return `{ ...${this.#directive()} ${selection} __typename }`
    const name = `F${this.#fragments.length}`
    this.#fragments.push(`fragment ${name} on ${named.name} ${selection}`)
    return `{ ...${name}${this.#directive()} __typename }`
  }

  #field(field: GraphQLField<unknown, unknown>, depth: number): string {
    const args = field.args.flatMap((arg) => {
      const isSize = arg.name === 'first'
      if (!isSize && !isRequiredArgument(arg) && !this.#chance(0.15)) return []
      return [`${arg.name}: ${isSize ? 2 : this.#argument(arg)}`]
    })
    // fields with one name in the response and different arguments would be in conflict
    const needsAlias = args.length > 0 || this.#chance(0.1)
    const alias = needsAlias ? `x${this.#aliases++}: ` : ''
    this.#fields--
    const called = `${alias}${field.name}${args.length > 0 ? `(${args.join(', ')})` : ''}${this.#directive()}`
    if (!isCompositeType(getNamedType(field.type))) return called
    if (this.#fields <= 0) return `${called} { __typename }`
    return `${called} ${this.#selection(field.type, depth - 1)}`
  }

  #directive(): string {
    if (!this.#chance(0.05)) return ''
    const name = this.#chance(0.5) ? 'include' : 'skip'
    return ` @${name}(if: ${this.#chance(0.5) ? this.#variable('Boolean!', this.#chance(0.5)) : this.#chance(0.5)})`
  }

  #variable(type: string, value: unknown): string {
    const name = `v${this.#variables.size}`
    this.#variables.set(name, { type, value })
    return `$${name}`
  }

  #argument({ name, type }: GraphQLArgument): string {
    const value = this.#value(name, type, 3)
    return this.#chance(0.4) ? this.#variable(String(type), value) : literalOf(value, type)
  }

  #value(name: string, type: GraphQLInputType, depth: number): unknown {
    if (isNonNullType(type)) return this.#value(name, type.ofType as GraphQLInputType, depth)
    if (isListType(type)) {
      const length = Math.floor(this.#options.random() * 3)
      return Array.from({ length }, () => this.#value(name, type.ofType as GraphQLInputType, depth))
    }
    if (isEnumType(type)) return this.#one(type.getValues()).name
    if (!isInputObjectType(type)) return this.#options.scalar(type.name, name)
    const fields = Object.values(type.getFields()).filter(
      (field) => isRequiredInputField(field) || (depth > 0 && !type.isOneOf && this.#chance(0.3)),
    )
    const chosen = type.isOneOf ? [this.#one(Object.values(type.getFields()))] : fields
    return Object.fromEntries(
      chosen.map((field) => [field.name, this.#value(field.name, field.type, depth - 1)]),
    )
  }
}

/** Returns a value as a literal of the type. */
function literalOf(value: unknown, type: GraphQLInputType): string {
  if (isNonNullType(type)) return literalOf(value, type.ofType as GraphQLInputType)
  if (isListType(type)) {
    return `[${(value as unknown[]).map((item) => literalOf(item, type.ofType as GraphQLInputType)).join(', ')}]`
  }
  if (isEnumType(type)) return String(value)
  if (!isInputObjectType(type)) return JSON.stringify(value)
  const fields = type.getFields()
  const members = Object.entries(value as object).map(([name, member]) => {
    const field = fields[name]
    return `${name}: ${field ? literalOf(member, field.type) : 'null'}`
  })
  return `{ ${members.join(', ')} }`
}
