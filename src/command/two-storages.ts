import { UsageError } from "../base/errors.ts";
import type { EffectiveSettings } from "../config/effective-settings.ts";
import { loadSettings, readOutsideSettings } from "../config/load.ts";
import { PRIMARY_STORAGE } from "../config/primary-storage.ts";
import type { CopyRules } from "../transfer/object-copy.ts";
import type { Repository } from "../transfer/repository.ts";
import type { Invocation } from "./command.ts";
import { openNamedRepository } from "./context.ts";

/** Two storages between which objects move. */
export interface TwoStorages {
  readonly source: Repository;
  readonly target: Repository;
  /** Of the source. */
  readonly settings: EffectiveSettings;
  /** Objects that are moved at once. */
  readonly concurrencyMax: number;
}

/**
 * Opens what `--from` and `--to` name. Both files are whole configurations: neither the
 * environment nor the ordinary settings add to them, as by WAL-G.
 */
export async function betweenStorages(
  invocation: Invocation,
  work: (storages: TwoStorages) => Promise<void>,
): Promise<void> {
  const from = settingsOf(invocation, "from");
  const to = settingsOf(invocation, "to");
  const limits = { name: PRIMARY_STORAGE, rateKey: "NETWORK_RATE_LIMIT" } as const;
  await using source = await openNamedRepository({ ...invocation, settings: from }, "read", limits);
  await using target = await openNamedRepository({ ...invocation, settings: to }, "write", limits);
  if (source.driver.name === target.driver.name) {
    throw new UsageError(`--from and --to both mean ${source.driver.name}`);
  }
  const concurrencyMax = Math.min(
    from.whole("DOWNLOAD_CONCURRENCY") ?? 1,
    to.whole("UPLOAD_CONCURRENCY") ?? 1,
  );
  await work({ source, target, settings: from, concurrencyMax });
}

/** What may happen to objects that are there already. */
export function copyRules({ options }: Pick<Invocation, "options">): CopyRules {
  return { mayReplace: options.flag("overwrite"), trustsSizes: options.flag("trust-sizes") };
}

function settingsOf(invocation: Invocation, option: "from" | "to"): EffectiveSettings {
  const { options, personality, log } = invocation;
  const configPath = options.text(option) ?? "";
  if (configPath === "") throw new UsageError(`--${option} names no configuration file`);
  const outside = readOutsideSettings({ environment: {}, configPath, home: () => undefined });
  const { settings, warnings } = loadSettings({
    outside,
    flags: [],
    isWalg: personality.isWalg,
    isStrict: options.flag("strict"),
  });
  invocation.conceal(settings.secrets());
  for (const warning of warnings) log.warning(warning);
  return settings;
}
