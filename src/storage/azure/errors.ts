import { createDialect, type ErrorDialect } from "../service/errors.ts";

const THROTTLING = new Set(["ServerBusy", "OperationTimedOut", "TooManyRequests"]);
/** Answers below 500 that pass by themselves. */
const PASSING = new Set(["InternalError", "OperationTimedOut", "Md5Mismatch"]);
const PASSING_STATUS = new Set([408, 425, 429, 499]);
const DENIED = new Set([
  "AuthenticationFailed",
  "AuthorizationFailure",
  "AuthorizationPermissionMismatch",
  "InsufficientAccountPermissions",
  "InvalidAuthenticationInfo",
  "NoAuthenticationInformation",
]);
/** Absences of something else than a blob. */
const OTHER_ABSENCES = new Set(["ContainerNotFound", "ContainerBeingDeleted", "ResourceNotFound"]);
const HINTS: Readonly<Record<string, string>> = {
  AuthenticationFailed:
    "Check AZURE_STORAGE_ACCESS_KEY or AZURE_STORAGE_SAS_TOKEN, and this machine's clock.",
  ContainerNotFound: "Create the container, or correct AZ_PREFIX.",
  InvalidBlockList:
    "Another process stored the same name at the same time; the same command stores it anew.",
  InvalidBlobOrBlock: "Something is being stored under this name by another tool; try again later.",
  BlobArchived: "The blob is in the archive tier; set it to hot or cool first.",
};

/** How the answers of Azure Blob Storage are understood. */
export const AZURE_ERRORS: ErrorDialect = createDialect({
  throttling: THROTTLING,
  passing: PASSING,
  passingStatus: PASSING_STATUS,
  denied: DENIED,
  isOtherAbsence: ({ code }) => OTHER_ABSENCES.has(code),
  isPrecondition: ({ status, code }) =>
    status === 412 || (status === 409 && code === "BlobAlreadyExists"),
  // Whoever completes a name drops the parts that others have stored for it.
  isUploadGone: ({ code }) => code === "InvalidBlockList",
  hintOf: ({ code }) => HINTS[code],
  deniedHint: "Let this identity read, write, list and delete blobs in the container.",
  certificateHint: "Name the service's certificate authority in AZURE_CA_CERT_FILE.",
});
