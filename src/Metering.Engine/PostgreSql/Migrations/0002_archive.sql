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

-- As before, but no page lies before the base: the search begins behind it.
CREATE OR REPLACE FUNCTION metering.page_of_transaction(of_account text, number bigint, head_sequence bigint, head_transactions bigint) RETURNS bigint
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

-- As before, but transactions up to the base are not there.
CREATE OR REPLACE FUNCTION metering.pages_of_transactions(of_account text, before bigint, wanted integer, OUT first_page bigint, OUT last_page bigint)
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

-- As before, but none that is not after the base.
CREATE OR REPLACE FUNCTION metering.save_snapshot(of_account text, at_sequence bigint, at_link bytea, in_format integer, new_state bytea) RETURNS void
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
