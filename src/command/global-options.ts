import type { OptionSpec } from "./command.ts";

/** Options that every command takes. */
export const GLOBAL_OPTIONS: readonly OptionSpec[] = [
  { name: "config", kind: "text", summary: "configuration file", setting: "CONFIG_PATH" },
  { name: "turbo", kind: "flag", summary: "ignore rate limits, and read 4 files at once" },
  { name: "json", kind: "flag", summary: "log lines and errors as JSON" },
  { name: "quiet", kind: "flag", summary: "log only warnings and errors, show no progress" },
  { name: "strict", kind: "flag", summary: "treat warnings about settings as errors" },
  { name: "help", short: "h", kind: "flag", summary: "print help and exit" },
];

export const VERSION_OPTION: OptionSpec = {
  name: "version",
  kind: "flag",
  summary: "print the version and exit",
};
