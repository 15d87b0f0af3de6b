-- The ledger holds pages, not rows: one page is up to 64 entries of one account and one commit. Measured on one account with 256 entries a
-- commit: a row an entry writes 309 bytes of log an entry, pages 155, for a third less time of the server's; spread over 10,000 accounts a
-- page holds one entry, and both are the same.

CREATE TABLE metering.heads (
    account      text COLLATE "C" NOT NULL,
    sequence     bigint NOT NULL,  -- the account's last entry
    transactions bigint NOT NULL,
    link         bytea NOT NULL,   -- 32 bytes, the chain's last link
    CONSTRAINT heads_pkey PRIMARY KEY (account)
) WITH (fillfactor = 50); -- room for updates in place: no index is touched by a commit

CREATE TABLE metering.pages (
    account             text COLLATE "C" NOT NULL,
    first_sequence      bigint NOT NULL,
    last_sequence       bigint NOT NULL,
    transactions_before bigint NOT NULL,
    transactions        bigint NOT NULL, -- up to and including the last entry
    link                bytea,           -- 32 bytes, on the last page of a commit group
    texts_digest        bytea,           -- beside the link, once the group's texts are erased
    keys                bytea,           -- per entry with an idempotency key: its place in the page (2 bytes), the key's hash (16)
    facts               bytea NOT NULL,
    texts               bytea            -- erasable
) PARTITION BY HASH (account);

-- Entries are hashes and small numbers: compression would cost time and win nothing.
ALTER TABLE metering.pages ALTER COLUMN keys SET STORAGE EXTERNAL;
ALTER TABLE metering.pages ALTER COLUMN facts SET STORAGE EXTERNAL;
ALTER TABLE metering.pages ALTER COLUMN texts SET STORAGE EXTERNAL;

-- Eight partitions: four cost a commit of 256 accounts the same, sixteen a tenth more. A page of up to 8 kB stays in one piece.
DO $$
BEGIN
    FOR number IN 0..7 LOOP
        EXECUTE format(
            'CREATE TABLE metering.pages_%s PARTITION OF metering.pages FOR VALUES WITH (MODULUS 8, REMAINDER %s) WITH (toast_tuple_target = 8160)',
            number, number);
    END LOOP;
END
$$;

CREATE UNIQUE INDEX pages_by_sequence ON metering.pages (account, first_sequence);

-- The idempotency keys of 32,768 entries of an account in one row, for the rare look-up of a key that memory let go of. Rows are made when
-- the first look-up needs them, not by commits: an index row a key costs a commit of 256 accounts half as much again (measured: a table of
-- keys and a GIN index alike). First 257 numbers of 2 bytes, where each of 256 buckets begins; then 8 bytes a key, by its first byte.
CREATE TABLE metering.key_segments (
    account text COLLATE "C" NOT NULL,
    segment bigint NOT NULL,
    keys    bytea NOT NULL,
    CONSTRAINT key_segments_pkey PRIMARY KEY (account, segment)
);
ALTER TABLE metering.key_segments ALTER COLUMN keys SET STORAGE EXTERNAL; -- so that a part of it is read without the rest

-- What an account's ledger begins with where its first entries are archived. A cut ends where a commit does, and a page never holds entries of two
-- commits, so that whole pages go.
CREATE TABLE metering.bases (
    account      text COLLATE "C" NOT NULL,
    sequence     bigint NOT NULL,  -- the last archived entry
    transactions bigint NOT NULL,  -- up to and including it
    link         bytea NOT NULL,
    format       integer NOT NULL,
    state        bytea NOT NULL,   -- after it; a checkpoint among the entries that are left vouches for these bytes
    CONSTRAINT bases_pkey PRIMARY KEY (account)
);
ALTER TABLE metering.bases ALTER COLUMN state SET STORAGE EXTERNAL;

CREATE TABLE metering.snapshots (
    account  text COLLATE "C" NOT NULL,
    sequence bigint NOT NULL,
    link     bytea NOT NULL,
    format   integer NOT NULL,
    state    bytea NOT NULL,
    CONSTRAINT snapshots_pkey PRIMARY KEY (account, sequence)
);
ALTER TABLE metering.snapshots ALTER COLUMN state SET STORAGE EXTERNAL;

-- One row a running store. An append locks its writer's row; deleting the row therefore waits for an append whose connection was lost,
-- and whatever of that writer reaches the server later finds no row and writes nothing.
CREATE TABLE metering.writers (
    id         bigint PRIMARY KEY,
    started_at timestamptz NOT NULL DEFAULT now()
);

-- Appends the groups whose expected head is the stored one, all pages of a group or none, and returns the numbers of the others.
-- The groups come in the order of their accounts, and both statements that lock heads follow it, so that two writers wait for each other in one
-- direction only; the planner has nothing but nested loops over the index to choose from. New accounts come first: who changes heads waits for
-- nobody who only adds some, because what is added cannot be seen yet; whereas adding waits for an account that somebody else knows already and
-- changes, and whoever waits there holds no changed head that the other could want.
CREATE FUNCTION metering.append(
    writer bigint, accounts text[], expected bigint[], next bigint[], totals bigint[], links bytea, has_new boolean,
    page_groups integer[], firsts bigint[], lasts bigint[], counts_before bigint[], counts bigint[],
    links_at integer[], keys_at integer[], facts_at integer[], texts_at integer[], texts_end integer[], bytes bytea)
RETURNS integer[]
LANGUAGE plpgsql
SET enable_hashjoin = off
SET enable_mergejoin = off
SET enable_seqscan = off
AS $$
DECLARE
    won integer[];
    changed integer[];
    lost integer[];
BEGIN
    PERFORM set_config('synchronous_commit', 'on', true), set_config('lock_timeout', '10s', true);
    PERFORM 1 FROM metering.writers w WHERE w.id = writer FOR KEY SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'The writer is not registered.' USING ERRCODE = 'MT001';
    END IF;

    IF has_new THEN
        WITH added AS (
            INSERT INTO metering.heads (account, sequence, transactions, link)
            SELECT g.account, g.next, g.total, substr(links, (g.number * 64 - 31)::integer, 32)
            FROM unnest(accounts, expected, next, totals) WITH ORDINALITY g (account, expected, next, total, number)
            WHERE g.expected = 0
            ORDER BY g.number
            ON CONFLICT (account) DO NOTHING
            RETURNING account)
        SELECT array_agg(array_position(accounts, account)) INTO won FROM added;
    END IF;

    WITH changed_heads AS (
        UPDATE metering.heads h
        SET sequence = g.next, transactions = g.total, link = substr(links, (g.number * 64 - 31)::integer, 32)
        FROM unnest(accounts, expected, next, totals) WITH ORDINALITY g (account, expected, next, total, number)
        WHERE h.account = g.account AND h.sequence = g.expected AND h.link = substr(links, (g.number * 64 - 63)::integer, 32)
        RETURNING g.number)
    SELECT array_agg(number::integer) INTO changed FROM changed_heads;
    won := won || changed;

    IF cardinality(won) IS DISTINCT FROM cardinality(accounts) THEN
        SELECT array_agg(number) INTO lost FROM generate_series(1, cardinality(accounts)) number WHERE won IS NULL OR number <> ALL (won);
    END IF;

    INSERT INTO metering.pages (account, first_sequence, last_sequence, transactions_before, transactions, link, keys, facts, texts)
    SELECT accounts[p.number], p.first, p.last, p.count_before, p.count,
        CASE WHEN p.keys_at > p.links_at THEN substr(bytes, p.links_at, p.keys_at - p.links_at) END,
        CASE WHEN p.facts_at > p.keys_at THEN substr(bytes, p.keys_at, p.facts_at - p.keys_at) END,
        substr(bytes, p.facts_at, p.texts_at - p.facts_at),
        CASE WHEN p.texts_end > p.texts_at THEN substr(bytes, p.texts_at, p.texts_end - p.texts_at) END
    FROM unnest(page_groups, firsts, lasts, counts_before, counts, links_at, keys_at, facts_at, texts_at, texts_end)
        p (number, first, last, count_before, count, links_at, keys_at, facts_at, texts_at, texts_end)
    WHERE lost IS NULL OR p.number <> ALL (lost);
    RETURN lost;
END
$$;

-- Ends a writer: waits for its last transaction, and nothing of it takes effect afterwards.
CREATE FUNCTION metering.retire_writer(writer bigint) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM set_config('synchronous_commit', 'on', true), set_config('lock_timeout', '10s', true);
    DELETE FROM metering.writers WHERE id = writer;
END
$$;

-- Ends all writers: waits for the transactions that they have under way, and nothing that they sent before and that comes later takes effect.
-- Those that live take new numbers with their next append. In one order, so that two who do this wait for each other in one direction.
CREATE FUNCTION metering.retire_writers() RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM set_config('synchronous_commit', 'on', true), set_config('lock_timeout', '10s', true);
    DELETE FROM metering.writers w WHERE w.id IN (SELECT l.id FROM metering.writers l ORDER BY l.id FOR UPDATE);
END
$$;

-- The page in which an account's transaction with a number lies. Numbers never fall along the ledger, and entry s has at least s minus all
-- other entries and at most s transactions: a search between the two, behind the base, takes a handful of look-ups and no index of its own.
CREATE FUNCTION metering.page_of_transaction(of_account text, number bigint, head_sequence bigint, head_transactions bigint) RETURNS bigint
LANGUAGE plpgsql STABLE
AS $$
DECLARE
    low bigint := greatest(number, 1 + coalesce((SELECT b.sequence FROM metering.bases b WHERE b.account = of_account), 0));
    high bigint := number + head_sequence - head_transactions;
    page record;
BEGIN
    LOOP
        SELECT p.first_sequence, p.last_sequence, p.transactions_before, p.transactions INTO page
        FROM metering.pages p
        WHERE p.account = of_account AND p.first_sequence <= low + (high - low) / 2
        ORDER BY p.first_sequence DESC LIMIT 1;
        IF page.first_sequence IS NULL THEN
            RAISE EXCEPTION 'Entries of account % are missing.', of_account USING ERRCODE = 'data_corrupted';
        ELSIF page.transactions_before >= number THEN
            high := page.first_sequence - 1;
        ELSIF page.transactions < number THEN
            low := page.last_sequence + 1;
        ELSE
            RETURN page.first_sequence;
        END IF;
        IF low > high THEN
            RAISE EXCEPTION 'Transaction % of account % is missing.', number, of_account USING ERRCODE = 'data_corrupted';
        END IF;
    END LOOP;
END
$$;

-- The first and the last page of the newest transactions below a number; no row where there is none. Archived ones are not there.
CREATE FUNCTION metering.pages_of_transactions(of_account text, before bigint, wanted integer, OUT first_page bigint, OUT last_page bigint)
RETURNS SETOF record
LANGUAGE plpgsql STABLE
AS $$
DECLARE
    head record;
    newest bigint;
    archived bigint := coalesce((SELECT b.transactions FROM metering.bases b WHERE b.account = of_account), 0);
BEGIN
    SELECT h.sequence, h.transactions INTO head FROM metering.heads h WHERE h.account = of_account;
    newest := least(before - 1, head.transactions);
    IF newest > archived AND wanted >= 1 THEN
        last_page := metering.page_of_transaction(of_account, newest, head.sequence, head.transactions);
        first_page := metering.page_of_transaction(of_account, greatest(newest - wanted + 1, archived + 1), head.sequence, head.transactions);
        RETURN NEXT;
    END IF;
END
$$;

-- The newest page whose keys hold a key, and the first sequence that no segment covers.
CREATE FUNCTION metering.find_key(of_account text, key bytea, OUT first_sequence bigint, OUT keys bytea, OUT covered bigint)
LANGUAGE plpgsql STABLE
AS $$
DECLARE
    bucket integer := get_byte(key, 0);
    segment record;
    found bytea;
    place integer;
    skipped integer;
BEGIN
    SELECT coalesce(max(s.segment) + 1, 0) * 32768 INTO covered FROM metering.key_segments s WHERE s.account = of_account;
    SELECT p.first_sequence, p.keys INTO first_sequence, keys FROM metering.pages p
    WHERE p.account = of_account AND p.last_sequence > covered AND p.first_sequence > covered - 64 AND position(key IN p.keys) > 0
    ORDER BY p.first_sequence DESC LIMIT 1;
    IF keys IS NOT NULL THEN
        RETURN;
    END IF;

    FOR segment IN
        SELECT s.segment AS number, substr(s.keys, 515 + 8 * b.first, 8 * (b.next - b.first)) AS entries
        FROM metering.key_segments s,
            LATERAL (SELECT substr(s.keys, 2 * bucket + 1, 4) AS range OFFSET 0) r,
            LATERAL (SELECT get_byte(r.range, 0) * 256 + get_byte(r.range, 1) AS first, get_byte(r.range, 2) * 256 + get_byte(r.range, 3) AS next OFFSET 0) b
        WHERE s.account = of_account
        ORDER BY s.segment DESC
    LOOP
        -- Entries are 6 bytes of the key and 2 of its place, in the order of their places: the last match is the newest.
        found := NULL;
        skipped := 0;
        LOOP
            place := position(substr(key, 2, 6) IN substr(segment.entries, skipped + 1));
            EXIT WHEN place = 0;
            place := place + skipped;
            IF place % 8 = 1 THEN
                found := substr(segment.entries, place + 6, 2);
            END IF;
            skipped := place;
        END LOOP;

        IF found IS NOT NULL THEN
            SELECT p.first_sequence, p.keys INTO first_sequence, keys FROM metering.pages p
            WHERE p.account = of_account AND p.first_sequence <= segment.number * 32768 + get_byte(found, 0) * 256 + get_byte(found, 1) + 1
            ORDER BY p.first_sequence DESC LIMIT 1;
            EXIT WHEN position(key IN keys) > 0;
            first_sequence := NULL;
            keys := NULL;
        END IF;
    END LOOP;
END
$$;

-- Stores a snapshot beside the newest one; not one that is older, none of an account without entries, and none that is not after the base. It
-- need not be durable.
CREATE FUNCTION metering.save_snapshot(of_account text, at_sequence bigint, at_link bytea, in_format integer, new_state bytea) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true), set_config('lock_timeout', '10s', true);
    INSERT INTO metering.snapshots AS s (account, sequence, link, format, state)
    SELECT of_account, at_sequence, at_link, in_format, new_state
    WHERE EXISTS (SELECT FROM metering.heads h WHERE h.account = of_account)
        AND NOT EXISTS (SELECT FROM metering.snapshots n WHERE n.account = of_account AND n.sequence > at_sequence)
        AND NOT EXISTS (SELECT FROM metering.bases b WHERE b.account = of_account AND b.sequence >= at_sequence)
    ON CONFLICT (account, sequence) DO UPDATE SET link = EXCLUDED.link, format = EXCLUDED.format, state = EXCLUDED.state;
    DELETE FROM metering.snapshots s
    WHERE s.account = of_account AND s.sequence < (
        SELECT n.sequence FROM metering.snapshots n WHERE n.account = of_account ORDER BY n.sequence DESC OFFSET 1 LIMIT 1);
END
$$;

-- Removes an account's entries up to one that ends a commit with a link and is not the last; false where there is no such entry. An account
-- without entries and without a base takes the base as its beginning.
CREATE FUNCTION metering.cut(of_account text, at_sequence bigint, at_transactions bigint, at_link bytea, in_format integer, new_state bytea) RETURNS boolean
LANGUAGE plpgsql
AS $$
DECLARE
    head bigint;
    base record;
    page record;
BEGIN
    PERFORM set_config('synchronous_commit', 'on', true), set_config('lock_timeout', '10s', true);
    INSERT INTO metering.heads (account, sequence, transactions, link) VALUES (of_account, at_sequence, at_transactions, at_link)
    ON CONFLICT (account) DO NOTHING;
    IF NOT FOUND THEN
        SELECT h.sequence INTO head FROM metering.heads h WHERE h.account = of_account FOR UPDATE;
        SELECT b.sequence, b.link INTO base FROM metering.bases b WHERE b.account = of_account;
        IF base.sequence = at_sequence THEN
            RETURN base.link = at_link;
        END IF;
        SELECT p.last_sequence, p.link INTO page FROM metering.pages p
        WHERE p.account = of_account AND p.first_sequence <= at_sequence ORDER BY p.first_sequence DESC LIMIT 1;
        IF at_sequence >= head OR page.last_sequence IS DISTINCT FROM at_sequence OR page.link IS DISTINCT FROM at_link THEN
            RETURN false;
        END IF;
        DELETE FROM metering.pages p WHERE p.account = of_account AND p.first_sequence <= at_sequence;
        DELETE FROM metering.snapshots s WHERE s.account = of_account AND s.sequence <= at_sequence;
        -- Not the newest: it says up to where keys are gathered.
        DELETE FROM metering.key_segments s WHERE s.account = of_account AND s.segment < at_sequence / 32768
            AND s.segment < (SELECT max(n.segment) FROM metering.key_segments n WHERE n.account = of_account);
    END IF;
    INSERT INTO metering.bases AS b (account, sequence, transactions, link, format, state)
    VALUES (of_account, at_sequence, at_transactions, at_link, in_format, new_state)
    ON CONFLICT (account) DO UPDATE
        SET sequence = EXCLUDED.sequence, transactions = EXCLUDED.transactions, link = EXCLUDED.link, format = EXCLUDED.format, state = EXCLUDED.state;
    RETURN true;
END
$$;

CREATE TABLE metering.profiles (
    account         text COLLATE "C" PRIMARY KEY,
    email           text NOT NULL,
    first_name      text,
    last_name       text,
    company_name    text,
    company_website text,
    created_at      bigint NOT NULL -- Unix milliseconds, as all times of the directory
);

CREATE TABLE metering.api_keys (
    number     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- the order of making
    id         text COLLATE "C" NOT NULL UNIQUE,
    account    text COLLATE "C" NOT NULL,
    name       text NOT NULL,
    hash       bytea NOT NULL UNIQUE,
    display    text NOT NULL,
    scopes     integer NOT NULL,
    created_at bigint NOT NULL,
    expires_at bigint,
    revoked_at bigint
);
CREATE INDEX api_keys_by_account ON metering.api_keys (account, created_at, number);
