namespace Metering.Engine;

/// <summary>The schema of the ledger's file. One constant a migration; the next one goes at the end of <see cref="Format"/>.</summary>
internal static class LedgerSchema
{
    /// <summary>What the file is.</summary>
    public static readonly SqliteFormat Format = new(0x4D_54_4C_47, [Version1, Version2, Version3, Version4], PageBytes: 16_384);

    // A row an entry. What is in it moves into pages at the first start of version 2 (LedgerMigration), and then the table goes.
    private const string Version1 =
        """
        CREATE TABLE accounts (
            account INTEGER PRIMARY KEY,
            id      TEXT NOT NULL UNIQUE
        );

        CREATE TABLE entries (
            account            INTEGER NOT NULL,
            sequence           INTEGER NOT NULL,
            transaction_number INTEGER NOT NULL, -- transactions up to and including this entry
            is_transaction     INTEGER NOT NULL,
            key                BLOB,             -- 16 bytes, the hash of the idempotency key
            facts              BLOB NOT NULL,
            texts              BLOB,             -- erasable
            link               BLOB,             -- 32 bytes, on the last entry of a commit group only
            texts_digest       BLOB              -- beside the link, once the group's texts are erased
        );
        CREATE UNIQUE INDEX entries_by_sequence ON entries (account, sequence);
        CREATE INDEX entries_by_key ON entries (account, sequence >> 15, key) WHERE key IS NOT NULL;

        CREATE TABLE snapshots (
            account  INTEGER NOT NULL,
            sequence INTEGER NOT NULL,
            link     BLOB NOT NULL,
            format   INTEGER NOT NULL,
            state    BLOB NOT NULL
        );
        CREATE UNIQUE INDEX snapshots_by_sequence ON snapshots (account, sequence);
        """;

    // Pages lie in the order of writing with an index over them, not in one tree clustered by account: a page that comes between others would
    // split what is there, while at the end of the file it touches nothing else. An account's oldest pages can be moved to another
    // file with one statement: WHERE account = ? AND last_sequence < ?.
    private const string Version2 =
        """
        CREATE TABLE ledger (
            one           INTEGER PRIMARY KEY CHECK (one = 1),
            identity      BLOB NOT NULL,    -- random; the journal repeats it
            watermark     INTEGER NOT NULL, -- the last journal record that is in the pages
            needs_journal INTEGER NOT NULL  -- 1 while a journal may hold what the pages do not
        );
        INSERT INTO ledger (one, identity, watermark, needs_journal) VALUES (1, randomblob(16), 0, 0);

        CREATE TABLE pages (
            page           INTEGER PRIMARY KEY,
            account        INTEGER NOT NULL,
            first_sequence INTEGER NOT NULL,
            last_sequence  INTEGER NOT NULL,
            number_before  INTEGER NOT NULL, -- transactions before the first entry
            last_number    INTEGER NOT NULL, -- transactions up to and including the last one
            last_link      BLOB,             -- of the last entry, where a commit group ends there
            checksum       INTEGER NOT NULL, -- CRC-32C of the columns before and the body
            body           BLOB NOT NULL     -- packed entries (StoredRows)
        );
        CREATE UNIQUE INDEX pages_by_sequence ON pages (account, first_sequence);

        CREATE TABLE key_runs (
            bucket INTEGER NOT NULL,
            run    INTEGER NOT NULL,
            body   BLOB NOT NULL -- packed keys (KeyRuns)
        );
        CREATE UNIQUE INDEX key_runs_by_bucket ON key_runs (bucket, run);
        """;

    // An account whose first entries are archived. The state comes last, so that the columns before it are read without it.
    private const string Version3 =
        """
        CREATE TABLE bases (
            account      INTEGER PRIMARY KEY,
            sequence     INTEGER NOT NULL, -- the last archived entry
            transactions INTEGER NOT NULL, -- up to and including it
            link         BLOB NOT NULL,
            format       INTEGER NOT NULL,
            state        BLOB NOT NULL     -- after it; a checkpoint among the entries that are left vouches for these bytes
        );
        """;

    // When to look at an account that nobody calls. A hint: a note that is missing is made up for.
    private const string Version4 =
        """
        CREATE TABLE dues (
            account INTEGER PRIMARY KEY,
            wake_at INTEGER NOT NULL -- Unix milliseconds
        );
        CREATE INDEX dues_by_time ON dues (wake_at, account);
        """;
}
