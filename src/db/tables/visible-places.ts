/**
 * Creates the tables of the places that viewers see, which `visible-places.ts` explains. They last as long as the connection.
 */
export const CREATE_VISIBLE_PLACES = `
create temp table visible_places (
  scope integer not null, namespace text not null, pattern text not null,
  primary key (scope, namespace, pattern)
) without rowid;
create temp table visible_namespaces (
  scope integer not null, namespace text not null, low text not null, high text not null,
  primary key (scope, namespace)
) without rowid`
