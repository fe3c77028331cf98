/** What we use of the package: its connection; files are read and written by requests of ours. */
declare module "ssh2-sftp-client" {
  import type { Client, ConnectConfig, SFTPWrapper } from "ssh2";

  interface EventCallbacks {
    readonly error: (error: Error) => void;
    readonly end: () => void;
    readonly close: () => void;
  }

  class SftpClient {
    /** The connection below it. */
    readonly client: Client;
    constructor(name: string, callbacks: EventCallbacks);
    connect(config: ConnectConfig): Promise<SFTPWrapper>;
    end(): Promise<unknown>;
  }

  export = SftpClient;
}
