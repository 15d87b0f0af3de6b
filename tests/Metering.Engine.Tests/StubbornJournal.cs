namespace Metering.Engine.Tests;

/// <summary>A journal that takes records and does not let go of them while it is told so, as on a disk that is all but full.</summary>
internal sealed class StubbornJournal(SqliteJournal journal) : IJournal
{
    public bool KeepsRecords { get; set; }

    public string Name => journal.Name;

    public JournalState? State => journal.State;

    public bool IsHealthy => journal.IsHealthy;

    public void Create(UInt128 identity, long deletedThrough) => journal.Create(identity, deletedThrough);

    public void Append(long position, ReadOnlySpan<byte> record) => journal.Append(position, record);

    public void Read(long position, RecordVisitor visit) => journal.Read(position, visit);

    public void Delete(long through)
    {
        if (KeepsRecords)
        {
            throw new LedgerUnavailableException("the journal does not let go");
        }

        journal.Delete(through);
    }

    public void Maintain() => journal.Maintain();

    public void Scrub() => journal.Scrub();

    public void Dispose() => journal.Dispose();
}
