import type { DatabaseAdapter } from "../adapter.ts";
import { planPostgresRecovery } from "./recovery-target.ts";
import { beginPostgresRestore } from "./restore-session.ts";

/** The restoring half of PostgreSQL's adapter: it needs no server and no settings. */
export const POSTGRES_RESTORE: Pick<DatabaseAdapter, "kind" | "beginRestore"> &
  Required<Pick<DatabaseAdapter, "planRecovery">> = {
  kind: "postgres",
  beginRestore: beginPostgresRestore,
  planRecovery: planPostgresRecovery,
};
