/** A name that resolvers refuse without asking anybody: one of its labels is too long. */
export const UNRESOLVABLE_HOST = `${"no-such-host-".repeat(6)}.invalid`;
