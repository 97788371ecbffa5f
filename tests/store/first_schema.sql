-- A store as the first version made it. Never edit: upgrades are tested on it.
BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0001');
CREATE TABLE runs (
	run_id VARCHAR(150) NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	flow VARCHAR(255) NOT NULL, 
	flow_path TEXT NOT NULL, 
	runtime VARCHAR(63) NOT NULL, 
	runtime_id VARCHAR(32) NOT NULL, 
	environment_name VARCHAR(255) NOT NULL, 
	environment_version VARCHAR(64) NOT NULL, 
	environment_digest VARCHAR(100) NOT NULL, 
	owner VARCHAR(255) NOT NULL, 
	process VARCHAR(64) NOT NULL, 
	created_at VARCHAR(32) NOT NULL, 
	mode VARCHAR(16) NOT NULL, 
	node VARCHAR(255), 
	variant VARCHAR(255), 
	inputs TEXT, 
	ended_at VARCHAR(32), 
	duration_ms FLOAT, 
	hostname VARCHAR(255) NOT NULL, 
	error TEXT, 
	document TEXT, 
	CONSTRAINT pk_runs PRIMARY KEY (run_id)
);
INSERT INTO "runs" VALUES('run-1','Completed','hello','somewhere/hello','old','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','default','1','sha256:ab','ana','p','2026-11-21T00:00:00.000000+00:00','flow',NULL,NULL,NULL,NULL,NULL,'old',NULL,'{"outputs":{"greeting":"Hello, \u00e4!"}}');
CREATE TABLE runtime_log (
	id INTEGER NOT NULL, 
	runtime_id VARCHAR(32) NOT NULL, 
	time VARCHAR(32) NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	phase VARCHAR(16) NOT NULL, 
	text TEXT NOT NULL, 
	elapsed FLOAT, 
	CONSTRAINT pk_runtime_log PRIMARY KEY (id), 
	CONSTRAINT fk_runtime_log_runtime_id FOREIGN KEY(runtime_id) REFERENCES runtimes (id) ON DELETE CASCADE
);
INSERT INTO "runtime_log" VALUES(1,'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','2026-11-21T00:00:00.000000+00:00','state','','is ready',NULL);
CREATE TABLE runtimes (
	id VARCHAR(32) NOT NULL, 
	name VARCHAR(63) NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	owner VARCHAR(255) NOT NULL, 
	compute VARCHAR(255) NOT NULL, 
	engine VARCHAR(64) NOT NULL, 
	isolated BOOLEAN NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	created_at VARCHAR(32) NOT NULL, 
	changed_at VARCHAR(32) NOT NULL, 
	phase VARCHAR(16), 
	phase_since VARCHAR(32), 
	environment_name VARCHAR(255) NOT NULL, 
	environment_version VARCHAR(64) NOT NULL, 
	environment_digest VARCHAR(100) NOT NULL, 
	image TEXT NOT NULL, 
	python VARCHAR(255) NOT NULL, 
	instance VARCHAR(255), 
	hostname VARCHAR(255) NOT NULL, 
	network VARCHAR(32) NOT NULL, 
	cpus FLOAT, 
	memory BIGINT, 
	pids INTEGER, 
	idle_minutes FLOAT, 
	error TEXT, 
	started_at VARCHAR(32), 
	last_used_at VARCHAR(32), 
	revision INTEGER NOT NULL, 
	CONSTRAINT pk_runtimes PRIMARY KEY (id), 
	CONSTRAINT uq_runtimes_name UNIQUE (name)
);
INSERT INTO "runtimes" VALUES('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','old','personal','ana','docker','docker',1,'stopped','2026-11-21T00:00:00.000000+00:00','2026-11-21T00:00:00.000000+00:00',NULL,NULL,'default','1','sha256:ab','image','3.11.7',NULL,'old','open',2.0,4294967296,512,NULL,NULL,NULL,NULL,3);
CREATE TABLE settings (
	"key" VARCHAR(100) NOT NULL, 
	value TEXT NOT NULL, 
	CONSTRAINT pk_settings PRIMARY KEY ("key")
);
INSERT INTO "settings" VALUES('workspace_id','"0123456789abcdef0123456789abcdef"');
CREATE INDEX ix_runtime_log_runtime_id ON runtime_log (runtime_id, id);
CREATE INDEX ix_runs_created_at ON runs (created_at);
CREATE INDEX ix_runs_status ON runs (status, runtime_id);
COMMIT;
