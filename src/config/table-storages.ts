import { type Setting, section } from "./setting.ts";

export const FILE_SETTINGS = section("file", [
  {
    key: "FILE_PREFIX",
    form: "wale",
    kind: "text",
    example: "/mnt/backup",
    help: "Directory of the repository, as a path or file:// URL; it has to exist",
  },
  {
    key: "STORAGE_URL",
    form: "own",
    kind: "text",
    example: "s3://bucket/path",
    help:
      "Where the repository is, as s3://, gs://, azure://, ssh://, sftp:// or file:// URL: in " +
      "place of the prefix of one storage",
  },
  {
    key: "STORAGE_PREFIX",
    form: "walg",
    kind: "text",
    example: "cluster-1",
    help: "Path added to the root of every storage",
  },
  {
    key: "TARGET_STORAGE",
    form: "walg",
    kind: "text",
    example: "default",
    help: "Use only this storage: default, or one of FAILOVER_STORAGES",
  },
]);

export const SFTP_SETTINGS = section("sftp", [
  {
    key: "SSH_PREFIX",
    form: "wale",
    kind: "text",
    example: "ssh://backup@host:22/path",
    help: "Host and directory of the repository (SFTP); user and port win over their own settings",
  },
  {
    key: "SSH_PORT",
    form: "driver",
    kind: "whole",
    min: 1,
    default: "22",
    example: "22",
    help: "Port",
  },
  {
    key: "SSH_USERNAME",
    form: "driver",
    kind: "text",
    example: "backup",
    help: "User to log in as; by default the one that runs the program",
  },
  {
    key: "SSH_PASSWORD",
    form: "driver",
    kind: "text",
    isSecret: true,
    example: "secret",
    help: "Password; also the passphrase of the key, when that has none of its own",
  },
  {
    key: "SSH_PRIVATE_KEY_PATH",
    form: "driver",
    kind: "text",
    example: "/etc/tidemark/id_ed25519",
    help: "Private key to log in with",
  },
  {
    key: "SSH_PRIVATE_KEY_PASSPHRASE",
    form: "own",
    kind: "text",
    isSecret: true,
    example: "secret",
    help: "Passphrase of the private key",
  },
  {
    key: "SSH_AUTH_SOCK",
    form: "plain",
    kind: "text",
    example: "/run/user/1000/ssh-agent",
    help: "Socket of an agent, whose keys are tried after key and password",
  },
  {
    key: "SSH_KNOWN_HOSTS",
    form: "own",
    kind: "text",
    example: "/etc/tidemark/known_hosts",
    help:
      "File with the keys of servers that are trusted, in OpenSSH's form; by default " +
      "~/.ssh/known_hosts and /etc/ssh/ssh_known_hosts",
  },
  {
    key: "SSH_HOST_KEY_CHECK",
    form: "own",
    kind: "flag",
    default: "true",
    example: "false",
    help: "Refuse a server whose key is not among the known ones; WAL-G trusts any server",
  },
  {
    key: "SSH_CONNECTIONS_MAX",
    form: "own",
    kind: "whole",
    min: 1,
    default: "4",
    example: "4",
    help: "Connections to the server at most; each carries several transfers",
  },
  {
    key: "SSH_MAX_RETRIES",
    form: "own",
    kind: "whole",
    min: 0,
    default: "15",
    example: "15",
    help: "How often a transfer goes on, or a request is repeated, after its connection broke",
  },
]);

function missing(key: string, form: "wale" | "driver", example: string, help: string): Setting {
  return { key, form, kind: "text", status: "missing", example, help };
}

export const OTHER_STORAGE_SETTINGS = section("other-storages", [
  missing("SWIFT_PREFIX", "wale", "swift://container/path", "Repository in OpenStack Swift"),
  missing("OSS_PREFIX", "wale", "oss://bucket/path", "Repository in Alibaba Cloud OSS"),
  missing("OSS_ENDPOINT", "wale", "oss-eu-central-1.aliyuncs.com", "Endpoint of OSS"),
  missing("OSS_REGION", "wale", "eu-central-1", "Region of OSS"),
  { ...missing("OSS_ACCESS_KEY_ID", "wale", "LTAI", "Access key of OSS") },
  {
    ...missing("OSS_ACCESS_KEY_SECRET", "wale", "secret", "Secret of the access key of OSS"),
    isSecret: true,
  },
  {
    ...missing("OSS_SESSION_TOKEN", "wale", "token", "Session token of OSS"),
    isSecret: true,
  },
  missing("OSS_ROLE_ARN", "wale", "acs:ram::1234:role/backup", "Role of OSS"),
  missing("OSS_ROLE_SESSION_NAME", "wale", "tidemark", "Session name of the role of OSS"),
  missing("OSS_SKIP_VALIDATION", "wale", "true", "Leave out the first request to OSS"),
  missing("OSS_MAX_RETRIES", "wale", "5", "How often a request to OSS is repeated"),
  missing("OSS_CONNECT_TIMEOUT", "wale", "5", "Seconds until a connection to OSS is given up"),
  missing("OSS_UPLOAD_PART_SIZE", "wale", "6291456", "Bytes of a part of an upload to OSS"),
  missing("OSS_COPY_PART_SIZE", "wale", "67108864", "Bytes of a part of a copy within OSS"),
]);

const AVERAGE =
  "of the moving average over a storage's requests, by which it counts as alive or dead";

/** WAL-G's numbers; a fraction from 0 to 1. */
const AVERAGE_SETTINGS: readonly (readonly [name: string, value: string, help: string])[] = [
  ["ALIVE_LIMIT", "0.99", `Value ${AVERAGE}: a dead storage is alive from here on`],
  ["DEAD_LIMIT", "0.88", `Value ${AVERAGE}: a living storage is dead below`],
  ["ALPHA_ALIVE_MAX", "0.05", `Largest weight of one run in the value ${AVERAGE}, while alive`],
  ["ALPHA_ALIVE_MIN", "0.01", `Smallest weight of one run in the value ${AVERAGE}, while alive`],
  ["ALPHA_DEAD_MAX", "0.5", `Largest weight of one run in the value ${AVERAGE}, while dead`],
  ["ALPHA_DEAD_MIN", "0.1", `Smallest weight of one run in the value ${AVERAGE}, while dead`],
];

export const FAILOVER_SETTINGS = section("failover", [
  {
    key: "FAILOVER_STORAGES",
    form: "walg",
    kind: "map",
    isSecret: true,
    example: '{"second": {"WALG_FILE_PREFIX": "/mnt/second"}}',
    help:
      "Further storages by name, each with the settings of its storage. They see nothing of the " +
      "others but what is set without a prefix (AWS_REGION), STORAGE_PREFIX and UPLOAD_CONCURRENCY",
  },
  {
    key: "FAILOVER_STORAGES_CHECK",
    form: "walg",
    kind: "flag",
    default: "true",
    example: "false",
    help: "Write to the first storage that is alive; false: to the default one, dead or alive",
  },
  {
    key: "FAILOVER_STORAGES_CHECK_TIMEOUT",
    form: "walg",
    kind: "duration",
    min: 1,
    default: "30s",
    example: "30s",
    help: "How long a storage beside others may take to answer before it counts as dead",
  },
  {
    key: "FAILOVER_STORAGES_CHECK_SIZE",
    form: "walg",
    kind: "size",
    default: "1mb",
    example: "1mb",
    help: "Size of the object that is stored and removed to see whether a storage takes writes",
  },
  {
    key: "FAILOVER_STORAGES_CACHE_LIFETIME",
    form: "walg",
    kind: "duration",
    default: "15m",
    example: "15m",
    help: "How long it counts what was found out of a storage, before it is checked again",
  },
  {
    key: "FAILOVER_STORAGES_CACHE_DIR",
    form: "own",
    kind: "text",
    example: "/var/lib/postgresql",
    help:
      "Directory of the files in which runs tell each other which storages are alive; by default " +
      "the home of the user",
  },
  ...AVERAGE_SETTINGS.map(
    ([name, value, help]): Setting => ({
      key: `FAILOVER_STORAGES_CACHE_EMA_${name}`,
      form: "walg",
      kind: "fraction",
      default: value,
      example: value,
      help,
    }),
  ),
]);
