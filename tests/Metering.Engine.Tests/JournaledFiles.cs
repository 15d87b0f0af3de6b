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

    /// <summary>Opens the ledger behind a journal that can refuse to delete.</summary>
    public StubbornJournal OpenStubborn(JournaledLedgerOptions options, out JournaledLedgerStore store)
    {
        OpenPages = SqlitePageStore.Open(Ledger, migrating: null);
        OpenJournal = SqliteJournal.Open(SqliteLedgerStore.JournalPath(OpenPages.Path));
        var journal = new StubbornJournal(OpenJournal);
        store = JournaledLedgerStore.Open(journal, OpenPages, options);
        return journal;
    }

    public string File(string name) => folder.File(name);

    public void Remove() => folder.Remove();
}
