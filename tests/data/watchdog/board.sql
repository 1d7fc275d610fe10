-- A board as Hermes 0.19 makes it, with the tables that a watchdog reads, and a task whose worker timed out three times.
CREATE TABLE tasks (id TEXT PRIMARY KEY, title TEXT NOT NULL, body TEXT, assignee TEXT, status TEXT NOT NULL, priority INTEGER DEFAULT 0, created_by TEXT, created_at INTEGER NOT NULL, started_at INTEGER, completed_at INTEGER, workspace_kind TEXT NOT NULL DEFAULT 'scratch', workspace_path TEXT, branch_name TEXT, project_id TEXT, claim_lock TEXT, claim_expires INTEGER, tenant TEXT, result TEXT, idempotency_key TEXT, consecutive_failures INTEGER NOT NULL DEFAULT 0, worker_pid INTEGER, last_failure_error TEXT, max_runtime_seconds INTEGER, last_heartbeat_at INTEGER, current_run_id INTEGER, workflow_template_id TEXT, current_step_key TEXT, skills TEXT, model_override TEXT, max_retries INTEGER, goal_mode INTEGER NOT NULL DEFAULT 0, goal_max_turns INTEGER, session_id TEXT, block_kind TEXT, block_recurrences INTEGER NOT NULL DEFAULT 0);
CREATE TABLE task_links (parent_id TEXT NOT NULL, child_id TEXT NOT NULL, PRIMARY KEY (parent_id, child_id));
CREATE TABLE task_comments (id INTEGER PRIMARY KEY AUTOINCREMENT, task_id TEXT NOT NULL, author TEXT NOT NULL, body TEXT NOT NULL, created_at INTEGER NOT NULL);
CREATE TABLE task_events (id INTEGER PRIMARY KEY AUTOINCREMENT, task_id TEXT NOT NULL, run_id INTEGER, kind TEXT NOT NULL, payload TEXT, created_at INTEGER NOT NULL);
CREATE TABLE task_runs (id INTEGER PRIMARY KEY AUTOINCREMENT, task_id TEXT NOT NULL, profile TEXT, step_key TEXT, status TEXT NOT NULL, claim_lock TEXT, claim_expires INTEGER, worker_pid INTEGER, max_runtime_seconds INTEGER, last_heartbeat_at INTEGER, started_at INTEGER NOT NULL, ended_at INTEGER, outcome TEXT, summary TEXT, metadata TEXT, error TEXT);

INSERT INTO tasks (id, title, assignee, status, created_at, started_at, workspace_kind, workspace_path, consecutive_failures, last_failure_error)
VALUES ('t_52cac9ce', 'Report on tools', 'worker1', 'blocked', 1795200000, 1795200010, 'dir', '@HERE@/work', 3, 'worker exited cleanly (rc=0) without calling kanban_complete or kanban_block'),
       ('t_8ffba8cb', 'Publish the report', 'worker1', 'todo', 1795200001, NULL, 'scratch', NULL, 0, NULL);
INSERT INTO task_links VALUES ('t_52cac9ce', 't_8ffba8cb');
INSERT INTO task_runs (task_id, profile, status, started_at, ended_at, outcome, error) VALUES
    ('t_52cac9ce', 'worker1', 'crashed', 1795200010, 1795200070, 'crashed', 'worker exited cleanly (rc=0) without calling kanban_complete or kanban_block'),
    ('t_52cac9ce', 'worker1', 'crashed', 1795200110, 1795200170, 'crashed', 'worker exited cleanly (rc=0) without calling kanban_complete or kanban_block'),
    ('t_52cac9ce', 'worker1', 'crashed', 1795200210, 1795200270, 'crashed', 'worker exited cleanly (rc=0) without calling kanban_complete or kanban_block');
INSERT INTO task_events (task_id, run_id, kind, payload, created_at) VALUES
    ('t_52cac9ce', NULL, 'created', '{"status": "ready"}', 1795200000),
    ('t_8ffba8cb', NULL, 'created', '{"status": "todo"}', 1795200001),
    ('t_52cac9ce', 1, 'claimed', '{"lock": "desk:4000", "run_id": 1}', 1795200010),
    ('t_52cac9ce', 1, 'spawned', '{"pid": 4001}', 1795200010),
    ('t_52cac9ce', 1, 'protocol_violation', '{"pid": 4001, "exit_code": 0}', 1795200070),
    ('t_52cac9ce', 2, 'claimed', '{"lock": "desk:4000", "run_id": 2}', 1795200110),
    ('t_52cac9ce', 2, 'spawned', '{"pid": 4002}', 1795200110),
    ('t_52cac9ce', 2, 'protocol_violation', '{"pid": 4002, "exit_code": 0}', 1795200170),
    ('t_52cac9ce', 3, 'claimed', '{"lock": "desk:4000", "run_id": 3}', 1795200210),
    ('t_52cac9ce', 3, 'spawned', '{"pid": 4003}', 1795200210),
    ('t_52cac9ce', 3, 'protocol_violation', '{"pid": 4003, "exit_code": 0}', 1795200270),
    ('t_52cac9ce', NULL, 'gave_up', '{"failures": 3, "effective_limit": 3, "trigger_outcome": "crashed"}', 1795200270);
