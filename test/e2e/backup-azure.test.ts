// Backups and WAL in Azure Blob Storage (Azurite) with the compiled binary.
import { AZURITE_HOOK_TIMEOUT_MS, startAzurite } from "../support/azurite.ts";
import { testObjectService } from "./object-service.suite.ts";

testObjectService(async () => {
  const azurite = await startAzurite(["backups"]);
  const settings = (prefix: string) => ({ ...azurite.settings, WALG_AZ_PREFIX: prefix });
  return {
    repository: (path) => settings(`azure://backups/${path}`),
    absent: settings("azure://nowhere/db"),
    gone: {
      ...settings("azure://backups/wal"),
      TIDEMARK_AZURE_ENDPOINT: "http://127.0.0.1:9/account",
      TIDEMARK_AZURE_MAX_RETRIES: "1",
    },
    stop: () => azurite.stop(),
  };
}, AZURITE_HOOK_TIMEOUT_MS);
