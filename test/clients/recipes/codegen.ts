/** `config` of GraphQL Code Generator, for its preset `client`. */
export const CODEGEN = {
  enumsAsTypes: true,
  useTypeImports: true,
  scalars: { DateTime: 'string', Digest: 'string', BigInt: 'number', JSON: 'unknown' },
}
