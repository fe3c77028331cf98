export type BackupName = string & { readonly __brand: "BackupName" };
