import { createDialect, type ErrorDialect } from "../service/errors.ts";

const THROTTLING = new Set([
  "SlowDown",
  "Throttling",
  "ThrottlingException",
  "ThrottledException",
  "TooManyRequests",
  "TooManyRequestsException",
  "RequestLimitExceeded",
  "RequestThrottled",
  "BandwidthLimitExceeded",
]);
/** Answers below 500 that pass by themselves. */
const PASSING = new Set([
  "RequestTimeout",
  "OperationAborted",
  "ConditionalRequestConflict",
  "InternalError",
  "ServiceUnavailable",
  "BadDigest",
]);
const PASSING_STATUS = new Set([408, 409, 425, 429, 499]);
const DENIED = new Set([
  "AccessDenied",
  "AccountProblem",
  "AllAccessDisabled",
  "ExpiredToken",
  "InvalidAccessKeyId",
  "InvalidToken",
  "RequestTimeTooSkewed",
  "SignatureDoesNotMatch",
]);
const HINT_OBJECT_LOCK =
  "Object lock is asked for by S3_RETENTION_PERIOD: make a bucket with it, or drop the setting.";
const HINTS: Readonly<Record<string, string>> = {
  ExpiredToken: "The temporary credentials have expired; renew them.",
  InvalidAccessKeyId: "Check AWS_ACCESS_KEY_ID.",
  NoSuchBucket: "Create the bucket, or correct S3_PREFIX.",
  RequestTimeTooSkewed: "Set this machine's clock.",
  SignatureDoesNotMatch: "Check AWS_SECRET_ACCESS_KEY and AWS_REGION.",
  PermanentRedirect: "The bucket is in another region; set AWS_REGION to it.",
  AuthorizationHeaderMalformed: "The bucket is in another region; set AWS_REGION to it.",
  ObjectLockConfigurationNotFoundError: HINT_OBJECT_LOCK,
  InvalidStorageClass: "Set S3_STORAGE_CLASS to a class that this service has.",
};

/** HEAD is answered without a word. */
const HINT_BAD_HEAD =
  "The service does not say why: credentials may have expired, or AWS_REGION or S3_SSE_C be wrong.";

/** Absences of something else than an object. */
const OTHER_ABSENCES = new Set(["NoSuchBucket", "NoSuchUpload"]);

/** How the answers of S3, and of services that speak its protocol, are understood. */
export const S3_ERRORS: ErrorDialect = createDialect({
  throttling: THROTTLING,
  passing: PASSING,
  passingStatus: PASSING_STATUS,
  denied: DENIED,
  isOtherAbsence: ({ code }) => OTHER_ABSENCES.has(code),
  // 409: another conditional write of the name is under way, or has just won.
  isPrecondition: ({ status, code }) =>
    status === 412 || (status === 409 && code === "ConditionalRequestConflict"),
  isUploadGone: ({ code }) => code === "NoSuchUpload",
  hintOf: ({ status, code, message }) => {
    if (/ObjectLockConfiguration/.test(message)) return HINT_OBJECT_LOCK;
    return status === 400 && code === "" ? HINT_BAD_HEAD : HINTS[code];
  },
  deniedHint: "Let these credentials read, write, list and delete below the prefix.",
  certificateHint: "Name the service's certificate authority in S3_CA_CERT_FILE.",
});
