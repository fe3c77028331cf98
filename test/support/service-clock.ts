import { SYSTEM_CLOCK } from "../../src/base/clock.ts";
import { SILENT_LOGGER } from "../../src/base/log.ts";
import { ServiceClock } from "../../src/storage/service/service-clock.ts";

/** This machine's time, for clients of services that run on it. */
export const SERVICE_CLOCK = new ServiceClock(SYSTEM_CLOCK, {
  log: SILENT_LOGGER,
  storage: "test",
});
