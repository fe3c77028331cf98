declare const TIDEMARK_VERSION: string;
declare const TIDEMARK_REVISION: string;
declare const TIDEMARK_BUILD_DATE: string;

/** Filled in by `scripts/build.ts`; run from source, the binary does not know who it is. */
export const BUILD_INFO = {
  version: typeof TIDEMARK_VERSION === "string" ? TIDEMARK_VERSION : "0.0.0-source",
  /** Short git revision, `-dirty` when the tree had changes; empty outside a git checkout. */
  revision: typeof TIDEMARK_REVISION === "string" ? TIDEMARK_REVISION : "",
  /** Instant of the commit, not of the build, so that a build can be repeated bit by bit. */
  date: typeof TIDEMARK_BUILD_DATE === "string" ? TIDEMARK_BUILD_DATE : "",
} as const;
