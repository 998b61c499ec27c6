/** Creates the table of the places that viewers see, which `visible-places.ts` explains. It lasts as long as the connection. */
export const CREATE_VISIBLE_PLACES = `create temp table visible_places (
  scope integer not null, namespace text not null, pattern text not null,
  primary key (scope, namespace, pattern)
) without rowid`
