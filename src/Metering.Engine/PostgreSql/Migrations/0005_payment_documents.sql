CREATE TABLE metering.payment_documents (
    kind    text COLLATE "C" NOT NULL,
    id      text COLLATE "C" NOT NULL,
    version bigint NOT NULL, -- how often it was saved
    json    text NOT NULL,
    due_at  bigint,          -- Unix milliseconds
    PRIMARY KEY (kind, id)
);
CREATE INDEX payment_documents_by_due ON metering.payment_documents (kind, due_at, id) WHERE due_at IS NOT NULL;

CREATE TABLE metering.payment_keys (
    kind text COLLATE "C" NOT NULL,
    key  text COLLATE "C" NOT NULL,
    id   text COLLATE "C" NOT NULL,
    PRIMARY KEY (kind, key)
);
CREATE INDEX payment_keys_by_document ON metering.payment_keys (kind, id);

-- Saves documents, all or none. One statement for its caller, and so one transaction behind any pooler. The documents come in ascending
-- order of kind and id, so that two saves wait for each other's rows in one order. False: a version was another, or a key is taken.
CREATE FUNCTION metering.save_payment_documents(
    kinds text[], ids text[], versions bigint[], contents text[], dues bigint[], removals boolean[],
    key_kinds text[], keys text[], key_ids text[]) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('synchronous_commit', 'on', true);
    FOR i IN 1 .. cardinality(ids) LOOP
        IF removals[i] THEN
            DELETE FROM metering.payment_documents d WHERE d.kind = kinds[i] AND d.id = ids[i] AND d.version = versions[i];
        ELSIF versions[i] = 0 THEN
            INSERT INTO metering.payment_documents AS d (kind, id, version, json, due_at)
            VALUES (kinds[i], ids[i], 1, contents[i], dues[i]) ON CONFLICT DO NOTHING;
        ELSE
            UPDATE metering.payment_documents d SET version = d.version + 1, json = contents[i], due_at = dues[i]
            WHERE d.kind = kinds[i] AND d.id = ids[i] AND d.version = versions[i];
        END IF;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'changed' USING ERRCODE = 'MT002';
        END IF;
    END LOOP;
    DELETE FROM metering.payment_keys k USING unnest(kinds, ids) AS d (kind, id) WHERE k.kind = d.kind AND k.id = d.id;
    INSERT INTO metering.payment_keys (kind, key, id)
    SELECT n.kind, n.key, n.id FROM unnest(key_kinds, keys, key_ids) AS n (kind, key, id) ORDER BY n.kind, n.key;
    RETURN true;
EXCEPTION
    WHEN SQLSTATE 'MT002' OR unique_violation THEN
        RETURN false;
END
$$;
