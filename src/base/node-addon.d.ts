/** An addon that is imported `with { type: "file" }`: its path; undefined where not embedded. */
declare module "*.node" {
  const path: string | undefined;
  export default path;
}
