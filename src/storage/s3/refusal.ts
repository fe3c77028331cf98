import type { ServiceClock } from "../service/service-clock.ts";
import type { CredentialSource } from "./credentials.ts";
import type { S3Credentials } from "./signer.ts";

/** Answers to credentials that have expired or were replaced. */
const OF_CREDENTIALS = new Set([
  "ExpiredToken",
  "InvalidAccessKeyId",
  "InvalidToken",
  "SignatureDoesNotMatch",
  "TokenRefreshRequired",
]);
/** The same to HEAD, whose answer has no code. */
const CODELESS = new Set([400, 401, 403]);

/**
 * Whether a request that was refused may be sent once more: with the service's time, or with
 * credentials that are others by now, as those of a profile or a role become.
 */
export async function mayResend(
  sender: { readonly credentials: CredentialSource; readonly clock: ServiceClock },
  refusal: {
    readonly status: number;
    readonly code: string;
    readonly date: string | null | undefined;
    readonly used: S3Credentials;
  },
): Promise<boolean> {
  const { status, code, date, used } = refusal;
  if (sender.clock.learn(status, date)) return true;
  const isOfCredentials = OF_CREDENTIALS.has(code) || (code === "" && CODELESS.has(status));
  return isOfCredentials && (await sender.credentials.replace(used));
}
