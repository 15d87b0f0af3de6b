-- What Orleans' AdoNet providers (10.4) keep in PostgreSQL. They know no table but OrleansQuery: they read from it, by key, the text of each
-- statement that they run, and pass and expect the parameters and columns that stand there. All else is this script's own choice.
CREATE TABLE orleans.queries (
    key  text COLLATE "C" PRIMARY KEY,
    text text NOT NULL
);

-- The providers ask for it without a schema, so it stands where every connection looks, and holds nothing itself.
CREATE VIEW public.OrleansQuery AS SELECT key AS QueryKey, text AS QueryText FROM orleans.queries;
GRANT SELECT ON public.OrleansQuery TO PUBLIC;

-- Membership: every change of a cluster's silos moves its version on by one, and is made only at the version that its writer had read.
CREATE TABLE orleans.clusters (
    cluster_id text COLLATE "C" PRIMARY KEY,
    version    integer NOT NULL DEFAULT 0,
    changed_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE orleans.silos (
    cluster_id    text COLLATE "C" NOT NULL REFERENCES orleans.clusters ON DELETE CASCADE,
    address       text COLLATE "C" NOT NULL,
    port          integer NOT NULL,
    generation    integer NOT NULL, -- of the process: a silo that starts again at an address is another silo
    name          text NOT NULL,
    host_name     text NOT NULL,
    status        integer NOT NULL, -- Orleans' SiloStatus: 3 is active
    proxy_port    integer NOT NULL, -- for clients; 0 where it takes none
    suspect_times text,
    started_at    timestamptz NOT NULL,
    alive_at      timestamptz NOT NULL,
    CONSTRAINT silos_pkey PRIMARY KEY (cluster_id, address, port, generation)
) WITH (fillfactor = 70); -- alive_at changes all the time, in place

-- State of grains. The hashes that the provider passes are left: the key itself is short enough for an index (about 2,700 bytes in all).
CREATE TABLE orleans.grain_states (
    service_id  text COLLATE "C" NOT NULL,
    grain_type  text COLLATE "C" NOT NULL,
    key_first   bigint NOT NULL,          -- of a number or a GUID; 0 for a text
    key_second  bigint NOT NULL,
    key_text    text COLLATE "C" NOT NULL, -- a text, or what extends a number or a GUID; empty for nothing
    version     integer NOT NULL,         -- the provider's etag
    payload     bytea,                    -- null once cleared
    modified_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT grain_states_pkey PRIMARY KEY (key_text, key_first, key_second, grain_type, service_id)
) WITH (fillfactor = 80);

CREATE TABLE orleans.reminders (
    service_id text COLLATE "C" NOT NULL,
    grain_id   text COLLATE "C" NOT NULL,
    name       text COLLATE "C" NOT NULL,
    grain_hash integer NOT NULL, -- the grain's place on the ring that silos share; 32 bits, taken as signed
    start_at   timestamptz NOT NULL,
    period     bigint NOT NULL,  -- milliseconds
    version    integer NOT NULL DEFAULT 0,
    CONSTRAINT reminders_pkey PRIMARY KEY (service_id, grain_id, name)
);
CREATE INDEX reminders_by_hash ON orleans.reminders (service_id, grain_hash);

INSERT INTO orleans.queries (key, text) VALUES

-- A cluster's row at version 0; true where there was none.
('InsertMembershipVersionKey', $query$
    WITH made AS (
        INSERT INTO orleans.clusters (cluster_id) VALUES (@DeploymentId) ON CONFLICT DO NOTHING RETURNING 1)
    SELECT EXISTS (SELECT FROM made)
$query$),

-- A new silo, at the version that was read; true where it was added. The lock makes two writers follow each other: the second one finds
-- another version, and changes nothing.
('InsertMembershipKey', $query$
    WITH held AS (
        SELECT cluster_id FROM orleans.clusters WHERE cluster_id = @DeploymentId AND version = @Version FOR UPDATE),
    added AS (
        INSERT INTO orleans.silos (cluster_id, address, port, generation, name, host_name, status, proxy_port, started_at, alive_at)
        SELECT cluster_id, @Address, @Port, @Generation, @SiloName, @HostName, @Status, @ProxyPort, @StartTime, @IAmAliveTime FROM held
        ON CONFLICT DO NOTHING
        RETURNING cluster_id),
    counted AS (
        UPDATE orleans.clusters c SET version = c.version + 1, changed_at = now() FROM added WHERE c.cluster_id = added.cluster_id RETURNING 1)
    SELECT EXISTS (SELECT FROM counted)
$query$),

-- A silo's status and who suspects it, at the version that was read; true where it was changed.
('UpdateMembershipKey', $query$
    WITH held AS (
        SELECT cluster_id FROM orleans.clusters WHERE cluster_id = @DeploymentId AND version = @Version FOR UPDATE),
    changed AS (
        UPDATE orleans.silos s SET status = @Status, suspect_times = @SuspectTimes, alive_at = @IAmAliveTime FROM held
        WHERE s.cluster_id = held.cluster_id AND s.address = @Address AND s.port = @Port AND s.generation = @Generation
        RETURNING s.cluster_id),
    counted AS (
        UPDATE orleans.clusters c SET version = c.version + 1, changed_at = now() FROM changed WHERE c.cluster_id = changed.cluster_id RETURNING 1)
    SELECT EXISTS (SELECT FROM counted)
$query$),

-- A sign of life is no change of the membership.
('UpdateIAmAlivetimeKey', $query$
    UPDATE orleans.silos SET alive_at = @IAmAliveTime
    WHERE cluster_id = @DeploymentId AND address = @Address AND port = @Port AND generation = @Generation
$query$),

-- The cluster's version always comes, with empty columns where there is no silo.
('MembershipReadRowKey', $query$
    SELECT s.address AS Address, s.port AS Port, s.generation AS Generation, s.name AS SiloName, s.host_name AS HostName, s.status AS Status,
        s.proxy_port AS ProxyPort, s.suspect_times AS SuspectTimes, s.started_at AS StartTime, s.alive_at AS IAmAliveTime, c.version AS Version
    FROM orleans.clusters c
        LEFT JOIN orleans.silos s ON s.cluster_id = c.cluster_id AND s.address = @Address AND s.port = @Port AND s.generation = @Generation
    WHERE c.cluster_id = @DeploymentId
$query$),

('MembershipReadAllKey', $query$
    SELECT s.address AS Address, s.port AS Port, s.generation AS Generation, s.name AS SiloName, s.host_name AS HostName, s.status AS Status,
        s.proxy_port AS ProxyPort, s.suspect_times AS SuspectTimes, s.started_at AS StartTime, s.alive_at AS IAmAliveTime, c.version AS Version
    FROM orleans.clusters c
        LEFT JOIN orleans.silos s ON s.cluster_id = c.cluster_id
    WHERE c.cluster_id = @DeploymentId
$query$),

-- Where clients may connect.
('GatewaysQueryKey', $query$
    SELECT address AS Address, proxy_port AS ProxyPort, generation AS Generation
    FROM orleans.silos
    WHERE cluster_id = @DeploymentId AND status = @Status AND proxy_port > 0
$query$),

('DeleteMembershipTableEntriesKey', $query$
    DELETE FROM orleans.clusters WHERE cluster_id = @DeploymentId
$query$),

-- Silos that gave no sign of life since a time, but for active ones: those are for the cluster to declare dead.
('CleanupDefunctSiloEntriesKey', $query$
    DELETE FROM orleans.silos WHERE cluster_id = @DeploymentId AND alive_at < @IAmAliveTime AND status <> 3
$query$),

('ReadFromStorageKey', $query$
    SELECT payload AS PayloadBinary, version AS Version
    FROM orleans.grain_states
    WHERE key_text = coalesce(@GrainIdExtensionString, '') AND key_first = @GrainIdN0 AND key_second = @GrainIdN1
        AND grain_type = @GrainTypeString AND service_id = @ServiceId
$query$),

-- Without a version the first state of a grain, with one the next: the new version, or no row where the stored one is another.
('WriteToStorageKey', $query$
    WITH added AS (
        INSERT INTO orleans.grain_states (service_id, grain_type, key_first, key_second, key_text, version, payload)
        SELECT @ServiceId, @GrainTypeString, @GrainIdN0, @GrainIdN1, coalesce(@GrainIdExtensionString, ''), 1, @PayloadBinary
        WHERE @GrainStateVersion IS NULL
        ON CONFLICT DO NOTHING
        RETURNING version),
    changed AS (
        UPDATE orleans.grain_states SET payload = @PayloadBinary, version = version + 1, modified_at = now()
        WHERE key_text = coalesce(@GrainIdExtensionString, '') AND key_first = @GrainIdN0 AND key_second = @GrainIdN1
            AND grain_type = @GrainTypeString AND service_id = @ServiceId AND version = @GrainStateVersion
        RETURNING version)
    SELECT version AS NewGrainStateVersion FROM added UNION ALL SELECT version FROM changed
$query$),

-- The version goes on, so that a state from before the clearing cannot be written over it.
('ClearStorageKey', $query$
    UPDATE orleans.grain_states SET payload = NULL, version = version + 1, modified_at = now()
    WHERE key_text = coalesce(@GrainIdExtensionString, '') AND key_first = @GrainIdN0 AND key_second = @GrainIdN1
        AND grain_type = @GrainTypeString AND service_id = @ServiceId AND version = @GrainStateVersion
    RETURNING version AS NewGrainStateVersion
$query$),

-- The provider takes another version than its own as success.
('DeleteStorageKey', $query$
    DELETE FROM orleans.grain_states
    WHERE key_text = coalesce(@GrainIdExtensionString, '') AND key_first = @GrainIdN0 AND key_second = @GrainIdN1
        AND grain_type = @GrainTypeString AND service_id = @ServiceId AND version = @GrainStateVersion
    RETURNING version + 1 AS NewGrainStateVersion
$query$),

('ReadReminderRowsKey', $query$
    SELECT grain_id AS GrainId, name AS ReminderName, start_at AS StartTime, period AS Period, version AS Version
    FROM orleans.reminders
    WHERE service_id = @ServiceId AND grain_id = @GrainId
$query$),

('ReadReminderRowKey', $query$
    SELECT grain_id AS GrainId, name AS ReminderName, start_at AS StartTime, period AS Period, version AS Version
    FROM orleans.reminders
    WHERE service_id = @ServiceId AND grain_id = @GrainId AND name = @ReminderName
$query$),

-- A piece of the ring, its beginning left out and its end taken in.
('ReadRangeRows1Key', $query$
    SELECT grain_id AS GrainId, name AS ReminderName, start_at AS StartTime, period AS Period, version AS Version
    FROM orleans.reminders
    WHERE service_id = @ServiceId AND grain_hash > @BeginHash AND grain_hash <= @EndHash
$query$),

-- A piece that runs over the ring's end, or all of it.
('ReadRangeRows2Key', $query$
    SELECT grain_id AS GrainId, name AS ReminderName, start_at AS StartTime, period AS Period, version AS Version
    FROM orleans.reminders
    WHERE service_id = @ServiceId AND (grain_hash > @BeginHash OR grain_hash <= @EndHash)
$query$),

('UpsertReminderRowKey', $query$
    INSERT INTO orleans.reminders AS r (service_id, grain_id, name, grain_hash, start_at, period)
    VALUES (@ServiceId, @GrainId, @ReminderName, @GrainHash, @StartTime, @Period)
    ON CONFLICT (service_id, grain_id, name) DO UPDATE
        SET grain_hash = EXCLUDED.grain_hash, start_at = EXCLUDED.start_at, period = EXCLUDED.period, version = r.version + 1
    RETURNING version AS Version
$query$),

('DeleteReminderRowKey', $query$
    WITH gone AS (
        DELETE FROM orleans.reminders
        WHERE service_id = @ServiceId AND grain_id = @GrainId AND name = @ReminderName AND version = @Version
        RETURNING 1)
    SELECT EXISTS (SELECT FROM gone)
$query$),

('DeleteReminderRowsKey', $query$
    DELETE FROM orleans.reminders WHERE service_id = @ServiceId
$query$);
