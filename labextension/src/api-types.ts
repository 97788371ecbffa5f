// Made from the server's OpenAPI document by scripts/api_types.py: do not edit.

/**
 * What somebody asked for, and what became of it.
 */
export interface AccessRequestAnswer {
  id: string;
  principal: string;
  role: string;
  scope: string;
  reason: string;
  created_at: string;
  state: "open" | "granted" | "refused";
  answered_by: string | null;
  answered_at: string | null;
  until: string | null;
}

/**
 * Your own requests, and those that you can answer.
 */
export interface AccessRequestsAnswer {
  requests: AccessRequestAnswer[];
}

/**
 * A compute to add; its engine must answer now.
 */
export interface AddCompute {
  certificates?: CertificateTexts | null;
  days?: number | null;
  name: string;
  address: string;
  scope?: "personal" | "workspace";
}

/**
 * A container that somebody else started.
 */
export interface AdoptContainer {
  container: string;
  name?: string | null;
  compute?: string | null;
}

/**
 * The runtime that was made of it, and what was checked.
 */
export interface AdoptedAnswer {
  runtime: RuntimeAnswer;
  checks: (Record<string, JsonValue>)[];
}

/**
 * Whether a run is in the lists.
 */
export interface ArchivedAnswer {
  run_id: string;
  archived: boolean;
}

/**
 * A role that you ask for, and what for.
 */
export interface AskAccess {
  role: string;
  on?: string;
  reason?: string;
}

/**
 * A role to give to a person or ``group:NAME``, on the workspace or ``KIND:NAME``.
 *
 * ``until`` is ``18:00`` where the server is, ``2h``, or a date and time.
 */
export interface AssignRole {
  principal: string;
  role: string;
  on?: string;
  until?: string | null;
}

/**
 * Who has which role on what.
 */
export interface AssignmentAnswer {
  principal: string;
  role: string;
  scope: string;
  granted_by: string;
  created_at: string;
  until: string | null;
}

/**
 * All assignments that hold now.
 */
export interface AssignmentsAnswer {
  assignments: AssignmentAnswer[];
}

/**
 * What was asked, the newest first.
 */
export interface AuditAnswer {
  lines: AuditLineAnswer[];
}

/**
 * One thing that was asked.
 */
export interface AuditLineAnswer {
  time: string;
  principal: string;
  right: string;
  kind: string;
  name: string;
  allowed: boolean;
}

/**
 * A batch as it is now.
 */
export interface BatchAnswer {
  mode?: "batch";
  run_id: string;
  status: string;
  lines: Counts;
  metrics: Record<string, unknown>;
  duration_ms: number | null;
  error: Record<string, unknown> | null;
  flow: string;
  flow_path: string;
  runtime: string;
  source_run: string | null;
  name: string | null;
  description?: string;
  tags: Record<string, string>;
  created_at: string;
  failures: (Record<string, unknown>)[];
  nodes: Record<string, unknown>;
  runtimes?: (Record<string, unknown>)[];
  cluster?: Record<string, unknown>;
  tokens: Record<string, unknown>;
  cost?: Record<string, unknown>;
  aggregation: Record<string, unknown>;
  aggregation_error: Record<string, unknown> | null;
  system_metrics: Record<string, unknown>;
  changed: string[];
  outputs: OutputsFile | null;
}

/**
 * What a build gave.
 */
export interface BuildAnswer {
  name: string;
  image: string;
  digest: string;
  definition: string;
  base: string;
  base_digest: string;
  size: number;
  python: string;
  packages: PackageAnswer[];
  cached: boolean;
  duration_ms: number;
  phases: (Record<string, unknown>)[];
  checks: (Record<string, unknown>)[];
  log: string[];
  warnings: string[];
}

/**
 * An environment to build.
 */
export interface BuildEnvironment {
  source: FileHere | FilePath | FileUpload | KnownEnvironment;
  python?: string;
  fresh?: boolean;
  compute?: string | null;
  context_limit?: number | null;
  connection?: string | null;
}

/**
 * A run that is being stopped.
 */
export interface CanceledAnswer {
  run_id: string;
  canceled: boolean;
}

/**
 * What a capture gave; ``files`` are those of its folder, in base64.
 */
export interface CaptureAnswer {
  runtime: string;
  name: string;
  version: string | null;
  folder: string;
  image: string;
  digest: string;
  base: string;
  taken: (Record<string, unknown>)[];
  counts: Record<string, number>;
  differences: (Record<string, unknown>)[];
  left: (Record<string, unknown>)[];
  equal: boolean;
  duration_ms: number;
  phases: (Record<string, unknown>)[];
  files: Record<string, string>;
}

/**
 * A runtime whose packages are to be kept, and how.
 */
export interface CaptureRuntime {
  name: string;
  publish?: boolean;
  partial?: boolean;
  index_url?: string | null;
  version?: string | null;
  registry?: string | null;
  description?: string | null;
  connection?: string | null;
}

/**
 * PEM texts of the engine's authority, the client's certificate and its key.
 */
export interface CertificateTexts {
  ca: string;
  cert: string;
  key: string;
}

/**
 * Something that differs; null where it is missing.
 */
export interface Changed {
  name: string;
  before: string | null;
  after: string | null;
}

/**
 * One line of a check.
 */
export interface CheckAnswer {
  name: string;
  status: "pass" | "warn" | "fail";
  message: string;
  hint: string;
}

/**
 * How a version is tried; ``advisories`` is a database of OSV records.
 *
 * ``audit`` asks the public one instead, which is told names and versions.
 */
export interface CheckEnvironment {
  advisories?: FileHere | FilePath | FileUpload | null;
  audit?: boolean;
  connection?: string | null;
}

/**
 * A flow to check, or one node of it.
 */
export interface CheckFlow {
  flow: FlowHere | FlowExample | FlowPath | FlowUpload;
  node?: string | null;
}

/**
 * A question: may they do it?
 */
export interface CheckRole {
  principal: string;
  right: string;
  on?: string | null;
}

/**
 * Whether to ask now, or to take what was found a short while ago.
 */
export interface CheckVersion {
  fresh?: boolean;
}

/**
 * What was checked.
 */
export interface ChecksAnswer {
  checks: CheckAnswer[];
}

/**
 * Two or more batches; the others are compared with the first.
 */
export interface CompareRuns {
  runs: string[];
}

/**
 * Runs side by side, the first being what the others are compared with.
 *
 * ``text`` and ``html`` are the same for people.
 */
export interface ComparisonAnswer {
  labels: string[];
  run_ids: string[];
  common: number;
  changed: number[];
  fixed: number[];
  broken: number[];
  scores: (Record<string, unknown>)[];
  changes: (Record<string, unknown>)[];
  text: string;
  html: string;
}

/**
 * A named place with an engine.
 */
export interface ComputeAnswer {
  name: string;
  engine: string;
  isolated: boolean;
  reachable: boolean;
  detail: string;
  hint: string;
  owner: string | null;
  scope: string;
  address: string | null;
  tls: boolean;
  cpus: number | null;
  memory: number | null;
  signed_in_until: string | null;
  certificate_until: string | null;
}

/**
 * All computes.
 */
export interface ComputesAnswer {
  computes: ComputeAnswer[];
}

/**
 * A connection; secrets are shown as ``*****``.
 */
export interface ConnectionAnswer {
  name: string;
  type: string;
  custom_type: string | null;
  module: string;
  configs: Record<string, string>;
  secrets: Record<string, string>;
  scope: string;
  owner: string;
  created_at: string;
  changed_at: string;
}

/**
 * All connections by name.
 */
export interface ConnectionsAnswer {
  connections: ConnectionAnswer[];
}

/**
 * The name of the runtime that is made like another.
 */
export interface CopyRuntime {
  name: string;
}

/**
 * Lines of a batch.
 */
export interface Counts {
  total: number;
  completed: number;
  failed: number;
  reused: number;
}

/**
 * A flow to run over rows; with ``resume_from`` all else may be left out.
 */
export interface CreateBatch {
  runtime?: string | null;
  runtimes?: string[] | null;
  on?: string | null;
  data?: FileHere | FilePath | FileUpload | null;
  rows?: (Record<string, JsonValue>)[] | null;
  mapping?: Record<string, JsonValue> | null;
  variant?: string | null;
  environment_variables?: Record<string, string> | null;
  connections?: Record<string, Record<string, JsonValue>> | null;
  overrides?: Record<string, JsonValue> | null;
  init?: Record<string, JsonValue> | null;
  workers?: number | null;
  line_timeout?: number | null;
  batch_timeout?: number | null;
  name?: string | null;
  description?: string | null;
  tags?: Record<string, string>;
  flow?: FlowHere | FlowExample | FlowPath | FlowUpload | null;
  source_run?: string | null;
  resume_from?: string | null;
  from_node?: string | null;
}

/**
 * A connection to remember.
 */
export interface CreateConnection {
  source?: Record<string, JsonValue>;
  settings?: Record<string, JsonValue>;
  typed?: Record<string, string> | null;
  name?: string | null;
  scope?: "personal" | "workspace";
}

/**
 * A flow to run over what ``run`` has given.
 */
export interface CreateEvaluation {
  runtime?: string | null;
  runtimes?: string[] | null;
  on?: string | null;
  data?: FileHere | FilePath | FileUpload | null;
  rows?: (Record<string, JsonValue>)[] | null;
  mapping?: Record<string, JsonValue> | null;
  variant?: string | null;
  environment_variables?: Record<string, string> | null;
  connections?: Record<string, Record<string, JsonValue>> | null;
  overrides?: Record<string, JsonValue> | null;
  init?: Record<string, JsonValue> | null;
  workers?: number | null;
  line_timeout?: number | null;
  batch_timeout?: number | null;
  name?: string | null;
  description?: string | null;
  tags?: Record<string, string>;
  run: string;
  flow: FlowHere | FlowExample | FlowPath | FlowUpload;
  against?: string | null;
  stop_when_settled?: boolean;
  error?: number;
  smallest?: number | null;
  scale?: unknown[] | null;
  resume_from?: string | null;
}

/**
 * A role to define.
 */
export interface CreateRole {
  actions?: string[] | null;
  exclusions?: string[] | null;
  scopes?: string[] | null;
  reach?: "own" | "shared" | "all" | null;
  description?: string | null;
  name: string;
}

/**
 * A flow to run once; ``runtime`` null means the one in use.
 *
 * Values that JSON has no words for are marked with ``$pf``.
 */
export interface CreateRun {
  flow: FlowHere | FlowExample | FlowPath | FlowUpload;
  runtime?: string | null;
  inputs?: Record<string, JsonValue>;
  node?: string | null;
  variant?: string | null;
  environment_variables?: Record<string, string> | null;
  timeout?: number | null;
  connections?: Record<string, Record<string, JsonValue>> | null;
  init?: Record<string, JsonValue> | null;
  from_node?: string | null;
  upstream?: string | null;
  cache?: boolean | null;
  overrides?: Record<string, JsonValue> | null;
}

/**
 * A runtime that is to be made.
 */
export interface CreateRuntime {
  name: string;
  environment?: string;
  compute?: string | null;
  kind?: "personal" | "shared" | "session";
  limits?: Limits;
  network?: "open" | "none";
  idle_minutes?: number | null;
  writable?: boolean;
}

/**
 * What the token is for, for people.
 */
export interface CreateToken {
  kernel: string;
}

/**
 * The runtime in use.
 */
export interface CurrentAnswer {
  runtime: RuntimeAnswer | null;
}

/**
 * Whether they may, by which role, or which one it takes and who grants it.
 *
 * ``assignment`` is what gives the right, or of a refusal takes it away.
 */
export interface DecisionAnswer {
  allowed: boolean;
  principal: string;
  right: string;
  thing: string;
  by: string;
  needs: string;
  ask: string[];
  assignment: AssignmentAnswer | null;
  excluded: string;
}

/**
 * What may change of a version.
 */
export interface DescribeEnvironment {
  description?: string | null;
  tags?: Record<string, string> | null;
}

/**
 * What differs between two versions.
 */
export interface DiffAnswer {
  before: string;
  after: string;
  equal: boolean;
  packages: Changed[];
  facts: Changed[];
}

/**
 * A flow to draw, and the states of its nodes.
 */
export interface DrawFlow {
  flow: FlowHere | FlowExample | FlowPath | FlowUpload;
  states?: Record<string, Record<string, JsonValue>>;
}

/**
 * What is installed in a runtime.
 */
export interface EnvironmentAnswer {
  name: string;
  version: string;
  digest: string;
}

/**
 * All versions, ours first.
 */
export interface EnvironmentsAnswer {
  environments: VersionAnswer[];
}

/**
 * Why something was not done, and the way out.
 */
export interface ErrorAnswer {
  message: string;
  code: string;
  hint: string;
  kind?: string;
  details?: Record<string, unknown>;
}

/**
 * Metrics and columns of numbers: value, count, kind and interval.
 */
export interface EstimatesAnswer {
  run_id: string;
  estimates: Record<string, unknown>;
}

/**
 * How much of a file is here, in bytes, and whether that is all of it.
 */
export interface FileAnswer {
  digest: string;
  size: number;
  complete: boolean;
}

/**
 * A file or folder below the server's root folder, as its contents are named.
 */
export interface FileHere {
  contents: string;
}

/**
 * One that both sides see; the digest proves it.
 */
export interface FilePath {
  path: string;
  digest: string;
}

/**
 * One whose content was given to the server; a folder is a tar.
 *
 * ``entry`` is what counts in a folder: the file of an environment's definition, say.
 */
export interface FileUpload {
  upload: string;
  name: string;
  folder?: boolean;
  entry?: string | null;
}

/**
 * A flow as it is written.
 */
export interface FlowAnswer {
  name: string;
  path: string;
  inputs: (Record<string, unknown>)[];
  outputs: (Record<string, unknown>)[];
  nodes: (Record<string, unknown>)[];
  variants: Record<string, string[]>;
  kind: string;
  entry: string;
  init: (Record<string, unknown>)[];
}

/**
 * A flow that comes with us.
 */
export interface FlowExample {
  example: string;
}

/**
 * A flow below the server's root folder, as its contents are named.
 */
export interface FlowHere {
  contents: string;
}

/**
 * A flow whose files both sides see; the digest of its files proves it.
 */
export interface FlowPath {
  path: string;
  digest: string;
}

/**
 * A flow whose files were given to the server.
 */
export interface FlowUpload {
  upload: string;
  name: string;
  file?: string | null;
  digest: string;
}

/**
 * Flows that were found.
 */
export interface FlowsAnswer {
  flows: FlowAnswer[];
}

/**
 * What is given instead of what was asked for, and until when.
 */
export interface GrantAccess {
  role?: string | null;
  until?: string | null;
}

/**
 * Each group that is known, and who was last seen in it.
 */
export interface GroupsAnswer {
  groups: Record<string, string[]>;
}

/**
 * A version to take over, from a file of an export or from a registry.
 */
export interface ImportEnvironment {
  file?: FileHere | FilePath | FileUpload | null;
  registry?: string | null;
  name?: string | null;
  compute?: string | null;
  connection?: string | null;
}

/**
 * Packages to install; ``requirements`` is the text of a requirements file.
 */
export interface Install {
  packages?: string[];
  requirements?: string | null;
  upgrade?: boolean;
}

/**
 * What an installation did.
 */
export interface InstallationAnswer {
  runtime: string;
  resolved: number;
  installed: Record<string, string>;
  replaced: Record<string, string>;
  present: Record<string, string>;
  modules: Record<string, string[]>;
  seconds: number;
  layers: number;
  warnings: string[];
}

/**
 * The ways on from a runtime that is named: copy ``like``, take one of ``others``,
 * or ask for ``role`` on it.
 */
export interface InsteadAnswer {
  name: string;
  usable: boolean;
  like: string;
  digest: string;
  others: string[];
  same: string[];
  role: string;
}

export type JsonValue = unknown;

/**
 * Of a batch: by which runs it was judged. Of an evaluation: how, and of what.
 */
export interface JudgementAnswer {
  run_id: string;
  evaluations: string[];
  previous: string | null;
  environments: Record<string, unknown>;
  verdict: Record<string, unknown> | null;
  beaten: string | null;
}

/**
 * The definition of an environment that was built before.
 */
export interface KnownEnvironment {
  environment: string;
}

/**
 * Upper bounds of a runtime; memory in bytes, null for the default.
 */
export interface Limits {
  cpus?: number | null;
  memory?: number | null;
  pids?: number | null;
}

/**
 * One line of a log that is followed.
 */
export interface LineAnswer {
  line: string;
}

/**
 * What came of one line.
 */
export interface LineResultAnswer {
  line_number: number;
  status: string;
  inputs: Record<string, unknown>;
  outputs: Record<string, unknown> | null;
  error: Record<string, unknown> | null;
  duration_ms: number | null;
  nodes: Record<string, unknown>;
  reused: string | null;
}

/**
 * Lines of a log.
 */
export interface LinesAnswer {
  lines: string[];
}

/**
 * Results in the order of the lines; ``next`` is the ``after`` of the next page.
 */
export interface LinesPage {
  run_id: string;
  status: string;
  lines: LineResultAnswer[];
  next: number | null;
}

/**
 * What an editor shows of a flow.
 *
 * ``lines`` is where each node begins in the file, ``:inputs`` and ``:outputs`` too.
 */
export interface LookAnswer {
  ok: boolean;
  problems: ProblemAnswer[];
  warnings: ProblemAnswer[];
  svg: string;
  lines: Record<string, number>;
  sources: Record<string, string>;
  inputs: (Record<string, unknown>)[];
}

/**
 * A flow below the server's root folder, and what an editor holds of its file.
 */
export interface LookAtFlow {
  contents: string;
  text?: string | null;
}

/**
 * A file that was made: ``GET files/DIGEST/content`` gives it for some days.
 */
export interface MadeFile {
  digest: string;
  size: number;
  name: string;
}

/**
 * What a runtime is moved to; ``accept`` names a version in which runs differ.
 */
export interface MakeUpdate {
  to?: string | null;
  last?: number | null;
  runs?: string[] | null;
  rehearse?: boolean;
  accept?: string | null;
}

/**
 * Names alone: nothing waits for an engine.
 */
export interface NamesAnswer {
  names: string[];
}

/**
 * A new token; nobody can look at it again.
 */
export interface NewTokenAnswer {
  token: string;
  id: string;
  expires_at: string;
}

/**
 * What the last check found and the last rehearsal; nobody is asked for it.
 */
export interface NewerAnswer {
  check: Record<string, JsonValue> | null;
  rehearsal: Record<string, JsonValue> | null;
  previous: Record<string, JsonValue> | null;
}

/**
 * An empty body.
 */
export type Nothing = Record<string, unknown>;

/**
 * Something that lives on a compute.
 */
export interface OccupantAnswer {
  kind: string;
  name: string;
  owner: string;
  status: string;
  image: string;
  runs: number;
}

/**
 * What lives on a compute; ``hidden`` counts what is not shown.
 */
export interface OccupantsAnswer {
  compute: string;
  shown: OccupantAnswer[];
  hidden: Record<string, number>;
}

/**
 * The flow that is meant.
 */
export interface OneFlow {
  flow: FlowHere | FlowExample | FlowPath | FlowUpload;
}

/**
 * Long work: ``target`` is what it is about, ``run_id`` the run it began.
 */
export interface OperationAnswer {
  id: string;
  verb: string;
  target: string;
  state: "running" | "done" | "failed";
  principal: string;
  started_at: string;
  ended_at: string | null;
  run_id: string | null;
  result: unknown;
  error: ErrorAnswer | null;
}

/**
 * Operations, newest first.
 */
export interface OperationsAnswer {
  operations: OperationAnswer[];
}

/**
 * The outputs; a process that sees this very file need not fetch it.
 */
export interface OutputsFile {
  path: string | null;
  size: number;
  modified: number;
}

/**
 * One package, and where it comes from.
 */
export interface PackageAnswer {
  name: string;
  version: string;
  source: string;
}

/**
 * What is installed, and the layers over the environment.
 */
export interface PackagesAnswer {
  packages: PackageAnswer[];
  layers: unknown[];
}

/**
 * Somebody's own instance in a shared runtime.
 */
export interface PersonAnswer {
  principal: string;
  state: string;
  container_id: string | null;
  environment_digest: string;
  started_at: string | null;
  last_used_at: string | null;
}

/**
 * A flow's graph, for browsers and for terminals.
 */
export interface PictureAnswer {
  svg: string;
  text: string;
}

/**
 * One thing that is wrong with a flow.
 */
export interface ProblemAnswer {
  code: string;
  message: string;
  file: string;
  line: number;
  column: number;
  hint: string;
}

/**
 * An environment to publish.
 */
export interface PublishEnvironment {
  source: FileHere | FilePath | FileUpload | KnownEnvironment;
  version?: string | null;
  registry?: string | null;
  description?: string | null;
  tags?: Record<string, string> | null;
  notes?: string | null;
  compute?: string | null;
  connection?: string | null;
}

/**
 * A run's record with its document; values may be marked with ``$pf``.
 */
export interface RecordAnswer {
  run_id: string;
  status: string;
}

/**
 * What a rehearsal came to.
 */
export interface RehearsalAnswer {
  rehearsal: Record<string, JsonValue>;
}

/**
 * What is rehearsed: ``to`` null means the newest; ``runs`` win over ``last``.
 */
export interface Rehearse {
  to?: string | null;
  last?: number | null;
  runs?: string[] | null;
}

/**
 * Whether the runtimes of the compute go with it.
 */
export interface RemoveCompute {
  runtimes?: boolean;
}

/**
 * How a batch goes on.
 */
export interface ResumeBatch {
  failed?: boolean;
  workers?: number | null;
}

/**
 * A role that was taken back, and that person's runs that go on or were ended.
 */
export interface RevocationAnswer {
  principal: string;
  role: string;
  scope: string;
  revoked: boolean;
  running: string[];
  canceled: string[];
}

/**
 * A role to take back; ``cancel`` also ends the person's runs that go on.
 */
export interface RevokeRole {
  principal: string;
  role: string;
  on?: string;
  cancel?: boolean;
}

/**
 * Whether you may; else the smallest role that may, and who can grant it.
 */
export interface RightAnswer {
  allowed: boolean;
  needs?: string;
  ask?: string[];
}

/**
 * What whoever asks may do.
 */
export interface RightsAnswer {
  principal: string;
  on: string | null;
  rights: Record<string, RightAnswer>;
}

/**
 * What a role gives: ``rights`` has its cells of the table in docs/roles.md.
 */
export interface RoleAnswer {
  name: string;
  title: string;
  description: string;
  actions: string[];
  exclusions: string[];
  scopes: string[];
  reach: string;
  rights: Record<string, string>;
  builtin: boolean;
  created_by: string;
  changed_at: string;
}

/**
 * What a role of the workspace's own gives and takes away; None stays as it is.
 */
export interface RoleFields {
  actions?: string[] | null;
  exclusions?: string[] | null;
  scopes?: string[] | null;
  reach?: "own" | "shared" | "all" | null;
  description?: string | null;
}

/**
 * All roles that there are, the five first.
 */
export interface RolesAnswer {
  roles: RoleAnswer[];
}

/**
 * Rows that a mapping can refer to: their columns, how many, how numbered.
 */
export interface RowSourceAnswer {
  columns: string[];
  lines: number;
  order: string;
}

/**
 * A run with its outputs, nodes, metrics and error.
 */
export interface RunAnswer {
  status: string;
  run_id: string;
  outputs: Record<string, unknown> | null;
  nodes: Record<string, unknown>;
  metrics: Record<string, unknown>;
  runtime: string | null;
  environment: EnvironmentAnswer | null;
  duration_ms: number | null;
  error: Record<string, unknown> | null;
}

/**
 * A run in a list.
 */
export interface RunLine {
  run_id: string;
  status: string;
  flow: string;
  runtime: string;
  created_at: string;
}

/**
 * What to run of a line: one node, or with ``whole`` all of the flow.
 *
 * ``inputs`` stand in for those of the line, ``changes`` win over them.
 */
export interface RunLineAlone {
  node?: string | null;
  whole?: boolean;
  inputs?: Record<string, JsonValue> | null;
  changes?: Record<string, JsonValue>;
}

/**
 * Runs, newest first.
 */
export interface RunsAnswer {
  runs: RunLine[];
}

/**
 * A runtime as it is now; ``people`` are in it beside whose it is.
 */
export interface RuntimeAnswer {
  id: string;
  name: string;
  state: string;
  phase: string | null;
  kind: string;
  compute: string;
  engine: string;
  environment: EnvironmentAnswer | null;
  container_id: string | null;
  isolated: boolean;
  owner: string;
  created_at: string;
  update: Record<string, JsonValue> | null;
  error: Record<string, JsonValue> | null;
  limits: Record<string, JsonValue>;
  people?: PersonAnswer[];
}

/**
 * All runtimes by name.
 */
export interface RuntimesAnswer {
  runtimes: RuntimeAnswer[];
}

/**
 * What proves that somebody may use an engine; null means what is kept.
 */
export interface SignIn {
  certificates?: CertificateTexts | null;
  days?: number | null;
}

/**
 * A batch, with ``mode`` ``batch``, or a single run.
 */
export type SomeRunAnswer = BatchAnswer | RunAnswer;

/**
 * What others can map of a batch: ``run.outputs`` and ``run.inputs``.
 */
export interface SourcesAnswer {
  run_id: string;
  sources: Record<string, RowSourceAnswer>;
}

/**
 * An environment of one's own that begins; ``folder`` is below the root folder.
 */
export interface StartEnvironment {
  name: string;
  base?: string;
  folder?: string | null;
}

/**
 * Files by their paths, and where they were written, if they were.
 */
export interface StarterAnswer {
  name: string;
  files: Record<string, string>;
  folder: string | null;
}

/**
 * The files of a flow, by their names.
 */
export interface StarterFilesAnswer {
  type: string;
  files: Record<string, string>;
}

/**
 * What a runtime uses now.
 */
export interface StatsAnswer {
  cpu: number | null;
  memory: number | null;
  memory_limit: number | null;
  pids: number | null;
  processes: unknown[];
  runs: unknown[];
}

/**
 * That the server is here.
 */
export interface StatusAnswer {
  version: string;
  workspace: string;
  home: string;
  principal: string;
  started_at: string;
}

/**
 * What a kernel may ask with; the token itself is known to the kernel alone.
 */
export interface TokenAnswer {
  id: string;
  kernel: string;
  principal: string;
  created_at: string;
  expires_at: string;
}

/**
 * All tokens of kernels.
 */
export interface TokensAnswer {
  tokens: TokenAnswer[];
}

/**
 * What happened inside a run, as a tree.
 */
export interface TraceAnswer {
  run_id: string;
  tokens: Record<string, number>;
  root: Record<string, unknown>;
}

/**
 * What an update or a rollback did.
 */
export interface UpdateAnswer {
  update: Record<string, JsonValue>;
}

/**
 * What changes of a connection; the rest stays.
 */
export interface UpdateConnection {
  source?: Record<string, JsonValue>;
  settings?: Record<string, JsonValue>;
  typed?: Record<string, string> | null;
  scope?: "personal" | "workspace" | null;
}

/**
 * What the flow is known by.
 */
export interface UploadAnswer {
  upload: string;
  name: string;
  digest: string;
}

/**
 * The files of a flow; ``key`` is what its folder is known by from now on.
 */
export interface UploadFlow {
  key: string;
  name: string;
  file?: string | null;
  digest: string;
  files: UploadedFile[];
}

/**
 * One file of a flow's folder; its content is base64.
 */
export interface UploadedFile {
  path: string;
  mode?: number;
  content: string;
}

/**
 * The runtime to use from now on; null forgets it.
 */
export interface UseRuntime {
  name: string | null;
}

/**
 * Everything that is wrong with a flow.
 */
export interface ValidationAnswer {
  ok: boolean;
  problems: ProblemAnswer[];
  warnings: ProblemAnswer[];
  tools: Record<string, unknown>;
  duration_ms: number;
  runtime: string | null;
}

/**
 * A version of an environment.
 */
export interface VersionAnswer {
  name: string;
  version: string;
  digest: string;
  image: string;
  owner: string;
  created_at: string;
  description: string;
  tags: Record<string, string>;
  archived: boolean;
  base: string;
  base_digest: string;
  python: string;
  size: number;
  packages: PackageAnswer[];
  registries: Record<string, string>;
  used_by: string[];
  checks: (Record<string, unknown>)[];
  environment_variables: Record<string, string>;
  inference_config: Record<string, unknown>;
  definition: string;
  curated: boolean;
}

/**
 * What a check found.
 */
export interface VersionCheckAnswer {
  check: Record<string, JsonValue>;
}

/**
 * What is in a version.
 */
export interface VersionPackages {
  name: string;
  version: string;
  packages: PackageAnswer[];
}

/**
 * The versions that were hidden or shown again.
 */
export interface VersionsAnswer {
  versions: string[];
}

/**
 * What goes with a compute.
 */
export interface VictimsAnswer {
  runtimes: string[];
  runs: string[];
}
