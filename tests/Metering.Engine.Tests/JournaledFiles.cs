namespace Metering.Engine.Tests;

/// <summary>A journalled ledger in SQLite files whose projector takes a step when the test says so.</summary>
internal sealed class JournaledFiles
{
    private readonly TempFolder folder = new();

    public string Ledger => folder.File("metering.db");

    public string Journal => SqliteLedgerStore.JournalPath(Ledger);

    public SqliteJournal OpenJournal { get; private set; } = null!;

    public SqlitePageStore OpenPages { get; private set; } = null!;

    public JournaledLedgerStore Open(JournaledLedgerOptions? options = null)
    {
        OpenPages = SqlitePageStore.Open(Ledger, migrating: null);
        OpenJournal = SqliteJournal.Open(SqliteLedgerStore.JournalPath(OpenPages.Path));
        return JournaledLedgerStore.Open(OpenJournal, OpenPages, options ?? new());
    }

    public string File(string name) => folder.File(name);

    public void Remove() => folder.Remove();
}
