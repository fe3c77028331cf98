import { systemZone } from "../base/local-zone.ts";
import { Catalog } from "../catalog/catalog.ts";
import { listBackups, zoneOfStorage } from "./backup-list.ts";
import { openCatchupRepository } from "./catchup-repository.ts";
import type { Invocation } from "./command.ts";

/** Prints the increments that catchup-push stored, in the forms of backup-list. */
export async function run(invocation: Invocation): Promise<void> {
  const { options, output, log, signal, personality } = invocation;
  await using repository = await openCatchupRepository(invocation, "read");
  const text = await listBackups({
    catalog: new Catalog({ repository, database: personality.database }),
    zone: zoneOfStorage(repository.driver.name, systemZone()),
    isDetailed: options.flag("detail"),
    isJson: options.flag("json"),
    isPretty: options.flag("pretty"),
    log,
    signal,
  });
  if (text !== "") output.write(text);
}
