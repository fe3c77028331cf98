/** The name of the storage that the settings themselves describe, as WAL-G calls it. */
export const PRIMARY_STORAGE = "default";

/** Whether `FAILOVER_STORAGES` names any; what templates leave where there are none is empty. */
export function hasFailovers(settings: { text(key: string): string | undefined }): boolean {
  const map = settings.text("FAILOVER_STORAGES");
  return map !== undefined && !/^\s*\{\s*\}\s*$/.test(map);
}
