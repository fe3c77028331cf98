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
    help: "Use only this storage; anything but default is an error, as there are no failovers yet",
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

export const FAILOVER_SETTINGS = section("failover", [
  {
    key: "FAILOVER_STORAGES",
    form: "walg",
    kind: "map",
    status: "missing",
    example: '{"second": {"FILE_PREFIX": "/mnt/second"}}',
    help: "Further storages by name, each with its own storage keys",
  },
  {
    key: "FAILOVER_STORAGES_CHECK",
    form: "walg",
    kind: "flag",
    default: "true",
    example: "false",
    help: "Check which storages are alive",
    status: "idle",
    idleBecause: "failover storages are not supported yet",
  },
  {
    key: "FAILOVER_STORAGES_CHECK_TIMEOUT",
    form: "walg",
    kind: "duration",
    default: "30s",
    example: "30s",
    help: "How long a check may take",
    status: "idle",
    idleBecause: "failover storages are not supported yet",
  },
  {
    key: "FAILOVER_STORAGES_CHECK_SIZE",
    form: "walg",
    kind: "size",
    default: "1mb",
    example: "1mb",
    help: "Size of the object that a check writes",
    status: "idle",
    idleBecause: "failover storages are not supported yet",
  },
  {
    key: "FAILOVER_STORAGES_CACHE_LIFETIME",
    form: "walg",
    kind: "duration",
    default: "15m",
    example: "15m",
    help: "How long the result of a check is used",
    status: "idle",
    idleBecause: "failover storages are not supported yet",
  },
  ...["ALIVE_LIMIT", "DEAD_LIMIT", "ALPHA_ALIVE_MAX", "ALPHA_ALIVE_MIN"]
    .concat("ALPHA_DEAD_MAX", "ALPHA_DEAD_MIN")
    .map(
      (name): Setting => ({
        key: `FAILOVER_STORAGES_CACHE_EMA_${name}`,
        form: "walg",
        kind: "text",
        status: "retired",
        example: "0.99",
        help: "Weight of the moving average that WAL-G judges a storage by",
      }),
    ),
]);
