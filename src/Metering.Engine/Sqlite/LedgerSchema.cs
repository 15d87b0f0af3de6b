namespace Metering.Engine;

/// <summary>The schema of the ledger's file. One constant a migration; the next one goes at the end of <see cref="Format"/>.</summary>
internal static class LedgerSchema
{
    /// <summary>
    /// How many low bits of a sequence number its key segment leaves out: 32,768 entries of an account share one.
    /// The index begins with account and segment, so that the keys of a busy account, which are random, land in the few pages of its
    /// newest segment instead of anywhere in its history. Measured on one account, 256 rows a commit, a million entries: no segments
    /// 66,000 rows a second and falling (49,000 at three million), segments of 65,536 entries 111,000, of 32,768 147,000, of 16,384
    /// 149,000, steady; no index at all 240,000. The price: a look-up probes each segment of the account, newest first.
    /// </summary>
    public const int SegmentBits = 15;

    /// <summary>What the file is.</summary>
    public static readonly SqliteFormat Format = new(0x4D_54_4C_47, [Version1]);

    // Rows in the order of arrival with an index over them, not one tree clustered by account: measured with 256 rows a commit spread over
    // 10,000 accounts, a table with indexes takes 45,000 rows a second, WITHOUT ROWID and a packed integer key 27,000 and less, because
    // whole rows then split pages where only 10 bytes of index have to go. On one account all are equal.
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
}
