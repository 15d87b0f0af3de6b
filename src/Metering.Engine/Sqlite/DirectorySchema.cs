namespace Metering.Engine;

/// <summary>The schema of the directory's file. One constant a migration; the next one goes at the end of <see cref="Format"/>.</summary>
internal static class DirectorySchema
{
    /// <summary>What the file is.</summary>
    public static readonly SqliteFormat Format = new(0x4D_54_44_52, [Version1, Version2, OperatorSchema.Tables + OperatorSchema.ProfileIndexes, PaymentDocuments]);

    private const string Version1 =
        """
        CREATE TABLE profiles (
            account         TEXT PRIMARY KEY NOT NULL,
            email           TEXT NOT NULL,
            first_name      TEXT,
            last_name       TEXT,
            company_name    TEXT,
            company_website TEXT,
            created_at      INTEGER NOT NULL -- Unix milliseconds, as all times here
        );

        CREATE TABLE api_keys (
            number     INTEGER PRIMARY KEY, -- the order of making
            id         TEXT NOT NULL UNIQUE,
            account    TEXT NOT NULL,
            name       TEXT NOT NULL,
            hash       BLOB NOT NULL UNIQUE,
            display    TEXT NOT NULL,
            scopes     INTEGER NOT NULL,
            created_at INTEGER NOT NULL,
            expires_at INTEGER,
            revoked_at INTEGER
        );
        CREATE INDEX api_keys_by_account ON api_keys (account, created_at);
        """;

    private const string Version2 =
        """
        CREATE TABLE kept_answers (
            account TEXT NOT NULL,
            key     BLOB NOT NULL, -- SHA-256 of the idempotency key
            request BLOB NOT NULL,
            answer  TEXT NOT NULL, -- without the secret that the caller was shown
            kept_at INTEGER NOT NULL,
            PRIMARY KEY (account, key)
        ) WITHOUT ROWID;
        CREATE INDEX kept_answers_by_age ON kept_answers (kept_at);
        """;

    private const string PaymentDocuments =
        """
        CREATE TABLE payment_documents (
            kind    TEXT NOT NULL,
            id      TEXT NOT NULL,
            version INTEGER NOT NULL, -- how often it was saved
            json    TEXT NOT NULL,
            due_at  INTEGER,
            PRIMARY KEY (kind, id)
        );
        CREATE INDEX payment_documents_by_due ON payment_documents (kind, due_at, id) WHERE due_at IS NOT NULL;

        CREATE TABLE payment_keys (
            kind TEXT NOT NULL,
            key  TEXT NOT NULL,
            id   TEXT NOT NULL,
            PRIMARY KEY (kind, key)
        ) WITHOUT ROWID;
        CREATE INDEX payment_keys_by_document ON payment_keys (kind, id);
        """;
}
