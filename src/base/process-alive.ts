import { errnoOf } from "./errors.ts";

/** Whether a process of this machine, in this namespace of processes, is there. */
export function isProcessAlive(processId: number): boolean {
  if (!Number.isInteger(processId) || processId <= 0) return false;
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    // There, but another user's.
    return errnoOf(error) === "EPERM";
  }
}
