namespace Metering.Engine;

/// <summary>The schema of the journal's file.</summary>
internal static class JournalSchema
{
    /// <summary>What the file is.</summary>
    public static readonly SqliteFormat Format = new(0x4D_54_4A_4C, [Version1], PageBytes: 8_192);

    private const string Version1 =
        """
        CREATE TABLE journal (
            one             INTEGER PRIMARY KEY CHECK (one = 1),
            identity        BLOB NOT NULL,    -- of the ledger that it belongs to
            deleted_through INTEGER NOT NULL
        );

        CREATE TABLE records (
            position INTEGER PRIMARY KEY,
            record   BLOB NOT NULL
        );
        """;
}
