export type DatabaseKind = "postgres" | "mysql" | "redis";
