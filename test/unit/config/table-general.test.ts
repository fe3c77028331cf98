// Proves that each documented key of this section is in it, with its default.
import { expect, test } from "vitest";
import { findSetting } from "../../../src/config/table.ts";
import { GENERAL_SETTINGS } from "../../../src/config/table-general.ts";

const ROWS = GENERAL_SETTINGS.settings;

const DOCUMENTED: readonly (readonly [string, string | undefined])[] = [
  ["WALG_LOG_LEVEL", "NORMAL"],
  ["WALG_LOG_DESTINATION", "stderr"],
  ["WALG_CONFIG_PATH", undefined],
  ["TIDEMARK_DATABASE", undefined],
  ["TIDEMARK_LOG_FORMAT", "text"],
  ["TIDEMARK_ALLOW_ROOT", "false"],
  ["TIDEMARK_STOP_FILE", undefined],
  ["WALG_STATSD_ADDRESS", undefined],
  ["WALG_STATSD_EXTRA_TAGS", undefined],
  ["NOTIFY_SOCKET", undefined],
  ["HTTPS_PROXY", undefined],
  ["http_proxy", undefined],
  ["no_proxy", undefined],
];

test.each(DOCUMENTED)("knows %s with default %s", (name, usual) => {
  const setting = findSetting(name)?.setting;
  expect(ROWS).toContain(setting);
  expect(setting?.default).toBe(usual);
});
