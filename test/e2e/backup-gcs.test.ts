// Backups and WAL in Google Cloud Storage (fake-gcs-server) with the compiled binary.
import { GCS_HOOK_TIMEOUT_MS, startGcsServer } from "../support/gcs-server.ts";
import { testObjectService } from "./object-service.suite.ts";

testObjectService(async () => {
  const server = await startGcsServer("backups");
  const settings = (prefix: string, endpoint = server.endpoint) => ({
    WALG_GS_PREFIX: prefix,
    STORAGE_EMULATOR_HOST: endpoint,
  });
  return {
    repository: (path) => settings(`gs://backups/${path}`),
    absent: settings("gs://nowhere/db"),
    gone: { ...settings("gs://backups/wal", "http://127.0.0.1:9"), GCS_MAX_RETRIES: "1" },
    stop: () => server.stop(),
  };
}, GCS_HOOK_TIMEOUT_MS);
