import { systemZone } from "../base/local-zone.ts";
import { CatalogUnion } from "../catalog/catalog-union.ts";
import { listBackups, zoneOfStorage } from "./backup-list.ts";
import { openCatchupRepository } from "./catchup-repository.ts";
import type { Invocation } from "./command.ts";

/** Prints the increments that catchup-push stored, in the forms of backup-list. */
export async function run(invocation: Invocation): Promise<void> {
  const { options, output, log, signal, personality } = invocation;
  await using repository = await openCatchupRepository(invocation, "read");
  const { text } = await listBackups({
    union: new CatalogUnion({ repositories: [repository], database: personality.database }),
    zoneOf: ({ driver }) => zoneOfStorage(driver.name, systemZone()),
    isDetailed: options.flag("detail"),
    isJson: options.flag("json"),
    isPretty: options.flag("pretty"),
    log,
    signal,
  });
  if (text !== "") output.write(text);
}
