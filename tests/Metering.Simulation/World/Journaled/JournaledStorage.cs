using Metering.Engine;

namespace Metering.Simulation;

/// <summary>The engine's own journalled store over a simulated disk. One process owns it; its meters share one store.</summary>
internal sealed class JournaledStorage(SimulatedWorld world, JournalSettings settings, Func<FaultProfile> faults) : SimulatedStorage(world, StoreBug.None, faults)
{
    private readonly SimulatedDisk disk = new((UInt128)0x5EED);
    private JournalFile? older;
    private JudgedReader? lastReader;
    private OpenLedger? open;
    private int users;

    public override bool IsClosedByLastMeter => true;

    public override MeterStore Connect(SimulatedProcess process, string name, Action mustStop)
    {
        open ??= Open(mustStop);
        users++;
        return new JournaledMeterStore(World, open, name, Faults);
    }

    public override long KnownAtStart(AccountId account) => open?.KnownAt(account) ?? base.KnownAtStart(account);

    public override void Crash(SimulatedProcess process)
    {
        if (open is null)
        {
            return;
        }

        open.Crash();
        (open, users) = (null, 0);
        if (World.Chance(Faults().DeletionsLost) && disk.Journal!.LoseDeletions(World.Random) is > 0 and var back)
        {
            World.Trace($"{back} deleted records come back");
        }

        older = World.Chance(200) ? disk.Journal!.Copy() : older;
        Audit();
    }

    public override void Disconnect(SimulatedProcess process)
    {
        if (--users > 0)
        {
            return;
        }

        open!.Close();
        open = null;
        World.Trace($"the ledger is closed; it {(disk.Pages.NeedsJournal ? "needs" : "does not need")} its journal");
        if (!disk.Pages.NeedsJournal && disk.Journal!.Records.Count > 0)
        {
            World.Violate("the ledger was closed as one that does not need its journal, and there are records in it.");
        }

        Audit();
    }

    public override void Check()
    {
        Audit();
        Open(static () => { }).Close();
        if (disk.Pages.NeedsJournal || disk.Journal!.Records.Count > 0)
        {
            World.Violate("the ledger was closed without trouble, and not everything is in the pages.");
        }

        Audit();
    }

    private void Audit()
    {
        if (DiskAudit.Check(disk, Ledger) is { } wrong)
        {
            World.Violate($"{wrong}.");
        }
    }

    private OpenLedger Open(Action mustStop)
    {
        if (disk.Journal is { } journal && World.Chance(Faults().JournalMissing))
        {
            if (OpenWithout(journal, mustStop) is { } opened)
            {
                return opened;
            }

            disk.Journal = journal;
        }

        while (true)
        {
            try
            {
                return OpenNow(mustStop);
            }
            catch (MeteringStartupException refusal) when (refusal.Message.StartsWith("simulated", StringComparison.Ordinal))
            {
                World.Trace("a start fails half-way");
            }
        }
    }

    private OpenLedger OpenNow(Action mustStop)
    {
        var ledger = new OpenLedger(World, Ledger, settings, Faults, mustStop);
        if (lastReader is not null)
        {
            ledger.Reader.Inherit(lastReader);
        }

        ledger.Open(disk);
        lastReader = ledger.Reader;
        return ledger;
    }

    /// <summary>The journal is gone, damaged, or another one is in its place: the engine must say so where it may lack anything, and go on where it cannot.</summary>
    /// <returns>The ledger where it opened.</returns>
    private OpenLedger? OpenWithout(JournalFile journal, Action mustStop)
    {
        var (what, file, mustRefuse) = Tamper(journal);
        disk.Journal = file;
        var pages = disk.Pages;
        try
        {
            var ledger = OpenNow(mustStop);
            if (mustRefuse)
            {
                World.Violate($"the ledger opens with {what} journal, where it may lack entries.");
            }

            World.Trace($"the ledger opens with {what} journal, as it may");
            return ledger;
        }
        catch (MeteringStartupException refusal)
        {
            if (refusal.Message.StartsWith("simulated", StringComparison.Ordinal))
            {
                return null;
            }

            if (!mustRefuse || !refusal.Message.Contains(SimulatedJournal.FileName, StringComparison.Ordinal) || disk.Pages != pages)
            {
                World.Violate($"with {what} journal, the start says: {refusal.Message}");
            }

            World.Trace($"the ledger refuses {what} journal");
            return null;
        }
    }

    private (string What, JournalFile? File, bool MustRefuse) Tamper(JournalFile journal)
    {
        var needed = disk.Pages.NeedsJournal;
        var file = journal.Copy();
        var beyond = file.Records.Keys.Where(position => position > disk.Pages.Watermark).ToArray();
        switch (World.Random.Next(5))
        {
            case 0:
                return ("another ledger's", new(7, disk.Pages.Watermark), true);
            case 1 when older is not null && older.Last < disk.Pages.Watermark:
                return ("an older", older.Copy(), needed);
            case 2 when beyond.Length > 1:
                file.Records.Remove(beyond[World.Random.Next(beyond.Length - 1)]);
                return ("an incomplete", file, true);
            case 3 when beyond.Length > 0:
                var record = beyond[World.Random.Next(beyond.Length)];
                file.Records[record] = [.. file.Records[record]];
                file.Records[record][World.Random.Next(file.Records[record].Length)] ^= 0x10;
                return ("a damaged", file, true);
            default:
                return ("no", null, needed);
        }
    }
}
