import type { DatabaseKind } from "../../base/database-kind.ts";
import type { CommandSpec } from "../command.ts";

const ALL: readonly DatabaseKind[] = ["postgres", "mysql", "redis"];

export const CONFIG_SPEC: CommandSpec = {
  name: "config",
  databases: ALL,
  summary: "Print the settings in effect and where each comes from, secrets masked",
  arguments: [],
  options: [
    { name: "json", kind: "flag", summary: "print JSON" },
    { name: "defaults", kind: "flag", summary: "print settings at their defaults too" },
  ],
};

export const FLAGS_SPEC: CommandSpec = {
  name: "flags",
  databases: ALL,
  summary: "List the flags that each setting has",
  arguments: [],
  options: [],
  isStandalone: true,
};

export const COMPLETION_SPEC: CommandSpec = {
  name: "completion",
  databases: ALL,
  summary: "Print a completion script for bash or zsh",
  arguments: [{ name: "shell", required: true }],
  options: [],
  isStandalone: true,
};

export const HELP_SPEC: CommandSpec = {
  name: "help",
  databases: ALL,
  summary: "Print help about the program or a command",
  arguments: [
    { name: "command", required: false },
    { name: "subcommand", required: false, isRepeated: true },
  ],
  options: [],
  isStandalone: true,
};
