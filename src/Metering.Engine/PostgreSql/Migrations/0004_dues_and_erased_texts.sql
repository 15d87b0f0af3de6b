-- When to look at an account that nobody calls. A hint, written behind: a note that is missing is made up for.
CREATE TABLE metering.dues (
    account text COLLATE "C" NOT NULL,
    wake_at bigint NOT NULL, -- Unix milliseconds
    CONSTRAINT dues_pkey PRIMARY KEY (account)
);
CREATE INDEX dues_by_time ON metering.dues (wake_at, account);

-- Notes accounts, in one order, so that two servers wait for each other in one direction only. It need not be durable.
CREATE FUNCTION metering.note_dues(accounts text[], wakes bigint[]) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true), set_config('lock_timeout', '10s', true);
    INSERT INTO metering.dues AS d (account, wake_at)
    SELECT n.account, n.wake_at FROM unnest(accounts, wakes) n (account, wake_at) ORDER BY n.account COLLATE "C"
    ON CONFLICT (account) DO UPDATE SET wake_at = EXCLUDED.wake_at;
END
$$;

-- Gives out accounts whose moment has come and moves them behind the lease: of several servers each gets others, and those of one that dies come
-- again.
CREATE FUNCTION metering.claim_dues(now_at bigint, until_at bigint, wanted integer) RETURNS SETOF text
LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true), set_config('lock_timeout', '10s', true);
    RETURN QUERY
        WITH due AS MATERIALIZED (
            SELECT d.account, d.wake_at FROM metering.dues d WHERE d.wake_at <= now_at ORDER BY d.wake_at, d.account LIMIT wanted
            FOR UPDATE SKIP LOCKED),
        claimed AS (
            UPDATE metering.dues d SET wake_at = until_at FROM due WHERE d.account = due.account RETURNING due.account, due.wake_at)
        SELECT c.account FROM claimed c ORDER BY c.wake_at, c.account;
END
$$;

-- Erases the texts of whole commit groups of an account: of each page given by its first entry, with the digest to keep where it ends a group.
CREATE FUNCTION metering.erase_texts(of_account text, firsts bigint[], digests bytea[]) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM set_config('synchronous_commit', 'on', true), set_config('lock_timeout', '10s', true);
    UPDATE metering.pages p SET texts = NULL, texts_digest = e.digest
    FROM unnest(firsts, digests) e (first, digest)
    WHERE p.account = of_account AND p.first_sequence = e.first AND p.texts_digest IS NULL;
END
$$;

-- As before, but that a copy of a ledger brings the digests of erased texts along, each behind its link. Older builds bring none, and their appends
-- go on as they are.
CREATE OR REPLACE FUNCTION metering.append(
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

    INSERT INTO metering.pages (account, first_sequence, last_sequence, transactions_before, transactions, link, texts_digest, keys, facts, texts)
    SELECT accounts[p.number], p.first, p.last, p.count_before, p.count,
        CASE WHEN p.keys_at > p.links_at THEN substr(bytes, p.links_at, 32) END,
        CASE WHEN p.keys_at > p.links_at + 32 THEN substr(bytes, p.links_at + 32, p.keys_at - p.links_at - 32) END,
        CASE WHEN p.facts_at > p.keys_at THEN substr(bytes, p.keys_at, p.facts_at - p.keys_at) END,
        substr(bytes, p.facts_at, p.texts_at - p.facts_at),
        CASE WHEN p.texts_end > p.texts_at THEN substr(bytes, p.texts_at, p.texts_end - p.texts_at) END
    FROM unnest(page_groups, firsts, lasts, counts_before, counts, links_at, keys_at, facts_at, texts_at, texts_end)
        p (number, first, last, count_before, count, links_at, keys_at, facts_at, texts_at, texts_end)
    WHERE lost IS NULL OR p.number <> ALL (lost);
    RETURN lost;
END
$$;
