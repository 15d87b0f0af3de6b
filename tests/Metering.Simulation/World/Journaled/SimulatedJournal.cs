using Metering.Engine;

namespace Metering.Simulation;

/// <summary>The journal as an open ledger reaches it.</summary>
internal sealed class SimulatedJournal(SimulatedDisk disk, OpenLedger ledger) : IJournal
{
    public const string FileName = "simulated.journal";

    private readonly JournalFile? opened = disk.Journal;
    private JournalFile? file = disk.Journal;
    private bool isClosed;

    public string Name => FileName;

    public JournalState? State => opened?.State;

    public bool IsHealthy => true;

    public void Create(UInt128 identity, long deletedThrough) => disk.Journal = file = new(identity, deletedThrough);

    public void Append(long position, ReadOnlySpan<byte> record)
    {
        CheckOpen("append");
        var copy = record.ToArray();
        ledger.Interleave("an append on its way");
        var (isDone, failure) = ledger.DrawAppend();
        if (isDone)
        {
            if (position != file!.Last + 1)
            {
                ledger.Violate($"record {position} is appended to the journal after record {file.Last}");
            }

            file.Append(position, copy);
            ledger.Landed(position);
            ledger.Interleave("an append that is durable");
        }

        if (failure is not null)
        {
            throw failure;
        }
    }

    public void Read(long position, RecordVisitor visit)
    {
        CheckOpen("read");
        ledger.Interleave("a read of the journal");
        if (ledger.Chance(profile => profile.ReadUnavailable))
        {
            throw new LedgerUnavailableException("simulated: the journal cannot be read");
        }

        foreach (var (found, bytes) in file!.Records.SkipWhile(record => record.Key < position))
        {
            var lent = bytes.ToArray();
            var wantsMore = visit(found, lent);
            Array.Fill(lent, (byte)0xDD);
            if (!wantsMore)
            {
                return;
            }
        }
    }

    public void Delete(long through)
    {
        CheckOpen("delete");
        ledger.Interleave("a deletion");
        if (ledger.Chance(profile => profile.DeleteUnavailable))
        {
            throw new LedgerUnavailableException("simulated: the journal does not let go");
        }

        if (through > disk.Pages.Watermark)
        {
            ledger.Violate($"journal records are deleted through {through}, and the pages have them through {disk.Pages.Watermark}");
        }

        file!.Delete(through);
    }

    /// <summary>A checkpoint: deletions last.</summary>
    public void Maintain()
    {
        CheckOpen("maintain");
        if (ledger.Chance(static _ => 300))
        {
            file!.SyncDeletions();
        }
    }

    /// <summary>Nothing is left of what was deleted here.</summary>
    public void Scrub() => CheckOpen("scrub");

    public void Dispose() => isClosed = true;

    private void CheckOpen(string what)
    {
        if (isClosed)
        {
            ledger.Violate($"the journal is asked to {what} after it was closed");
        }
    }
}
